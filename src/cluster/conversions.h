// Between this folder's values and protobuf's. Included by .cc files of this folder only: protobuf's headers
// are slow to compile.
//
// Invariants
//   (1) from_proto() accepts nothing that the rest could stumble over: ids have their form, numbers fit,
//   prefixes
//       are prefixes, addresses are six bytes, a oneof is set.
//   (2) from_proto(to_proto(x)) is x, for every x that the control plane or a card can make.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <string>
#include <utility>

#include "card_link.pb.h"
#include "cluster/messages.h"

namespace enid::cluster {

inline std::unexpected<Error> malformed(std::string what) {
  return failure(std::make_error_code(std::errc::bad_message), std::move(what));
}

template <std::unsigned_integral To>
Result<To> narrow(std::uint64_t value, const char* what) {
  if (!std::in_range<To>(value)) return malformed(fmt::format("{} cannot be {}", what, value));
  return static_cast<To>(value);
}

template <class Id>
Result<Id> id_from(const std::string& text, const char* what) {
  auto id = Id::parse(text);
  if (!id) return malformed(fmt::format("'{}' is no id of a {}", text.substr(0, 80), what));
  return *std::move(id);
}

Result<HostId> host_id_from(const std::string& text);
Result<MacAddress> mac_from(const std::string& bytes);
std::string to_bytes(const MacAddress& mac);

void to_proto(const contract::Entity& entity, v1::Entity& out);
Result<contract::Entity> from_proto(const v1::Entity& in);
void to_proto(const contract::EntityId& id, v1::EntityId& out);
Result<contract::EntityId> from_proto(const v1::EntityId& in);

void to_proto(const contract::CardReport& report, v1::CardReport& out);
Result<contract::CardReport> from_proto(const v1::CardReport& in);
void to_proto(const contract::OnwardTrace& onward, v1::OnwardTrace& out);
Result<contract::OnwardTrace> from_proto(const v1::OnwardTrace& in);
void to_proto(const contract::TraceReport& report, v1::TraceReport& out);
Result<contract::TraceReport> from_proto(const v1::TraceReport& in);

void to_proto(const Command& command, v1::Command& out);
Result<Command> from_proto(const v1::Command& in);
void to_proto(const Adopt& adopt, v1::Adopt& out);
Result<Adopt> from_proto(const v1::Adopt& in);

Position from_proto(const v1::Position& in);
void to_proto(const Position& position, v1::Position& out);
void to_proto(const Hello& hello, v1::Hello& out);
Result<Hello> from_proto(const v1::Hello& in);

void to_proto(const CardMessage& message, v1::CardMessage& out);
Result<CardMessage> from_proto(const v1::CardMessage& in);
void to_proto(const ControlMessage& message, v1::ControlMessage& out);
Result<ControlMessage> from_proto(const v1::ControlMessage& in);
void to_proto(const KeptProgram& kept, v1::KeptProgram& out);
Result<KeptProgram> from_proto(const v1::KeptProgram& in);

}  // namespace enid::cluster
