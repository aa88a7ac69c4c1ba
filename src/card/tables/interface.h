// Interface: everything the card knows of one network interface: its program, its port, its
// counters. The unit that stages work with.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "card/drop_reason.h"
#include "card/ports/frame_port.h"
#include "card/services/service_interface.h"
#include "card/tables/rule_set.h"
#include "contract/card_program.h"
#include "contract/card_report.h"
#include "flow/connection_state.h"
#include "flow/fragment_table.h"

namespace enid::card {

class CaptureSink;

struct SecurityGroup {
  bool programmed = false;
  contract::SecurityGroupProgram program;
  RuleSet ingress;
  RuleSet egress;
  std::shared_ptr<GroupMembers> members = std::make_shared<GroupMembers>();
};

struct Vpc;
struct RemoteHost;

// Frames on their way to a port, gathered during a poll and handed over at its end.
struct Output {
  std::array<Frame, kBatchFrames> frames;
  std::array<std::uint8_t, kBatchFrames> places;  // Each frame's place in the polled batch.
};

struct Interface {
  InterfaceHandle handle = 0;
  NetworkInterfaceId id;

  bool programmed = false;
  contract::InterfaceProgram program;
  flow::ConnectionTimeouts timeouts{};

  // Found by Tables::resolve() from the names in `program`; null or missing while unknown.
  std::uint64_t resolved_at = 0;
  const Vpc* vpc = nullptr;
  const contract::SubnetProgram* subnet = nullptr;
  const contract::InstanceProgram* instance = nullptr;
  std::vector<const SecurityGroup*> groups;

  // Another host's: `remote` is its card, null while that is not known. A notice that the interface has moved
  // again (`moved_to`) counts until the program says more.
  bool is_elsewhere = false;
  RemoteHost* remote = nullptr;
  Ipv4Address moved_to{};
  // Not an interface of anybody: where frames of one VPC come in from other hosts.
  bool is_entrance = false;

  FramePort* port = nullptr;
  bool has_user = false;           // The port's owner is a user, not an instance.
  std::unique_ptr<Output> output;  // Allocated with the port.
  std::size_t output_count = 0;
  std::unique_ptr<AllowanceSource> allowances;  // The port's, while there is one.
  std::vector<CaptureSink*> captures;
  std::unique_ptr<flow::FragmentTable> fragments;  // Made by the first fragment.

  std::uint64_t sent_packets = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_packets = 0;
  std::uint64_t received_bytes = 0;
  std::array<std::uint64_t, kDropReasonCount> drops{};
  contract::EnaExpressCounters express;  // Packets only; the rest is known when somebody asks.

  bool attached() const { return programmed && (program.instance.has_value() || has_user); }
  bool owns(Ipv4Address address) const;
};

inline bool Interface::owns(Ipv4Address address) const {
  for (const Ipv4Address own : program.addresses)
    if (own == address) return true;
  for (const Ipv4Prefix& prefix : program.prefixes)
    if (prefix.contains(address)) return true;
  return false;
}

}  // namespace enid::card
