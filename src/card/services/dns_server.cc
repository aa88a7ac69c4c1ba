#include "card/services/dns_server.h"

#include <algorithm>

#include "card/services/dns_zone.h"
#include "wire/dns_message.h"

namespace enid::card {
namespace {

using wire::DnsStatus;

std::vector<std::uint8_t> status_only(const wire::DnsQuery& query, DnsStatus status, std::size_t bytes_max) {
  wire::DnsAnswerWriter answer(query);
  answer.set_status(status);
  return std::move(answer).finish(bytes_max);
}

}  // namespace

DnsServer::Outcome DnsServer::on_message(Instant now, const ServiceInterface& from, const ReturnPath& back,
                                         bool over_tcp, ConstBytes message) {
  const auto query = message.size() > kDnsQueryBytesMax ? std::nullopt : wire::DnsQuery::parse(message);
  if (!query) {
    auto refusal = wire::dns_refusal(message, DnsStatus::kFormatError);
    if (!refusal) return {.is_malformed = true, .answer = {}};
    return {.answer = *std::move(refusal)};
  }
  const std::size_t packet_bytes_max = std::size_t{back.mtu} - kIpv4HeaderBytes - kUdpHeaderBytes;
  const std::size_t bytes_max = over_tcp ? kDnsTcpBytesMax : std::min(query->udp_bytes_max, packet_bytes_max);
  if (query->opcode != 0) return {.answer = status_only(*query, DnsStatus::kNotImplemented, bytes_max)};
  if (query->edns_version != 0) return {.answer = status_only(*query, DnsStatus::kBadVersion, bytes_max)};
  if (query->dns_class != wire::kDnsClassInternet && query->dns_class != wire::kDnsClassAny)
    return {.answer = status_only(*query, DnsStatus::kRefused, bytes_max)};
  if (auto answer = answer_from_vpc(from, *query, bytes_max)) return {.answer = *std::move(answer)};
  if (has_host_resolver && forwarder.ask(now, back, over_tcp, bytes_max, message))
    return {.is_forwarded = true, .answer = {}};
  return {.answer = status_only(*query, DnsStatus::kServerFailure, bytes_max)};
}

}  // namespace enid::card
