#include "card/services/dns_zone.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "card/services/private_dns_name.h"

namespace enid::card {
namespace {

using wire::DnsAnswerWriter;
using wire::DnsQuery;
using wire::DnsStatus;
using wire::DnsType;

constexpr std::uint32_t kTtlSeconds = 60;

bool asks_for(const DnsQuery& query, DnsType type) {
  return query.type == static_cast<std::uint16_t>(type) ||
         query.type == static_cast<std::uint16_t>(DnsType::kAny);
}

void add_start_of_authority(DnsAnswerWriter& answer, std::string_view zone, bool as_answer) {
  const std::string primary = fmt::format("ns0.{}", zone);
  answer.add_start_of_authority({.zone = zone,
                                 .primary_server = primary,
                                 .mailbox = "hostmaster.amazon.com",
                                 .serial = 2'012'103'100,
                                 .refresh_seconds = 3600,
                                 .retry_seconds = 3600,
                                 .expire_seconds = 3600,
                                 .absence_seconds = 60,
                                 .ttl_seconds = kTtlSeconds},
                                as_answer);
}

bool has_name(const ServiceInterface& from, Ipv4Address address) {
  if (from.has_primary_address() && from.addresses.front() == address) return true;
  return from.directory != nullptr && from.directory->is_primary_address(from.vpc, address);
}

std::vector<std::uint8_t> finish_without_answer(DnsAnswerWriter answer, DnsStatus status,
                                                std::string_view zone, std::size_t bytes_max) {
  answer.set_status(status);
  add_start_of_authority(answer, zone, false);
  return std::move(answer).finish(bytes_max);
}

std::vector<std::uint8_t> answer_forward(const ServiceInterface& from, const DnsQuery& query,
                                         std::string_view label, std::size_t bytes_max) {
  DnsAnswerWriter answer(query);
  const std::string_view zone = from.private_dns_domain;
  if (label.empty()) {  // The domain itself: it exists and has no address.
    if (!asks_for(query, DnsType::kSoa))
      return finish_without_answer(std::move(answer), DnsStatus::kNoError, zone, bytes_max);
    add_start_of_authority(answer, zone, true);
    return std::move(answer).finish(bytes_max);
  }
  const auto address = parse_private_dns_label(label);
  if (!address || !has_name(from, *address))
    return finish_without_answer(std::move(answer), DnsStatus::kNoSuchName, zone, bytes_max);
  if (!asks_for(query, DnsType::kA))
    return finish_without_answer(std::move(answer), DnsStatus::kNoError, zone, bytes_max);
  answer.add_address(*address, kTtlSeconds);
  return std::move(answer).finish(bytes_max);
}

std::vector<std::uint8_t> answer_reverse(const ServiceInterface& from, const DnsQuery& query,
                                         Ipv4Address address, std::size_t bytes_max) {
  DnsAnswerWriter answer(query);
  const std::string zone = fmt::format("{}.in-addr.arpa", address.value >> 24);
  if (!has_name(from, address))
    return finish_without_answer(std::move(answer), DnsStatus::kNoSuchName, zone, bytes_max);
  if (!asks_for(query, DnsType::kPtr))
    return finish_without_answer(std::move(answer), DnsStatus::kNoError, zone, bytes_max);
  answer.add_pointer(fmt::format("{}.{}", private_dns_label(address), from.private_dns_domain), kTtlSeconds);
  return std::move(answer).finish(bytes_max);
}

// The part of `name` before the domain: "ip-10-0-1-5", or empty for the domain itself.
std::optional<std::string_view> label_in_domain(std::string_view name, std::string_view domain) {
  if (domain.empty() || !name.ends_with(domain)) return std::nullopt;
  name.remove_suffix(domain.size());
  if (name.empty()) return name;
  if (!name.ends_with('.')) return std::nullopt;
  name.remove_suffix(1);
  return name;
}

}  // namespace

std::optional<std::vector<std::uint8_t>> answer_from_vpc(const ServiceInterface& from, const DnsQuery& query,
                                                         std::size_t bytes_max) {
  if (const auto label = label_in_domain(query.name, from.private_dns_domain))
    return answer_forward(from, query, *label, bytes_max);
  const auto address = parse_reverse_dns_name(query.name);
  if (address && from.is_in_vpc(*address)) return answer_reverse(from, query, *address, bytes_max);
  return std::nullopt;
}

}  // namespace enid::card
