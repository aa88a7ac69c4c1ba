#include "vpc/security_group_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "vpc/ec2_error.h"

namespace enid::vpc {
namespace {

constexpr std::int32_t kPortMax = 65535;
constexpr std::int32_t kIcmpMax = 255;
constexpr int kProtocolMax = 255;
constexpr std::size_t kTextMax = 255;

constexpr std::string_view kCode = "InvalidParameterValue";

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter; }

std::unexpected<Error> unknown_protocol(std::string_view text) {
  return ec2_failure(kCode, fmt::format("Invalid value '{}' for IP protocol. Unknown protocol.", text));
}

Result<std::string> parse_protocol(const std::optional<std::string>& given) {
  if (!given || given->empty())
    return ec2_failure("MissingParameter", "The request must contain the parameter ipProtocol");
  std::string name = *given;
  std::ranges::transform(name, name.begin(), lower);
  if (name == "tcp" || name == "udp" || name == "icmp" || name == "icmpv6" || name == "-1") return name;
  int number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc() || stop != end || number < 0 || number > kProtocolMax)
    return unknown_protocol(*given);
  switch (number) {
    case 1:
      return std::string("icmp");
    case 6:
      return std::string("tcp");
    case 17:
      return std::string("udp");
    case 58:
      return std::string("icmpv6");
    default:
      return std::to_string(number);
  }
}

bool is_icmp(std::string_view protocol) { return protocol == "icmp" || protocol == "icmpv6"; }

Result<void> check_ports(std::int32_t from, std::int32_t to) {
  for (const std::int32_t port : {from, to}) {
    if (port < 0 || port > kPortMax)
      return ec2_failure(kCode, fmt::format("TCP/UDP port ({}) out of range", port));
  }
  if (from > to) return ec2_failure(kCode, fmt::format("Invalid TCP/UDP port range ({}:{})", from, to));
  return {};
}

Result<void> check_icmp(std::int32_t type, std::int32_t code) {
  if (type < kAnyPort || type > kIcmpMax)
    return ec2_failure(kCode, fmt::format("ICMP type ({}) out of range", type));
  if (code < kAnyPort || code > kIcmpMax)
    return ec2_failure(kCode, fmt::format("ICMP code ({}) out of range", code));
  // Documented: IpPermission: "If the start port is -1 (all ICMP types), then the end port must be -1".
  if (type == kAnyPort && code != kAnyPort)
    return ec2_failure(kCode, fmt::format("ICMP code ({}) cannot be combined with all ICMP types", code));
  return {};
}

std::string icmp_text(std::int32_t value) { return value == kAnyPort ? "ALL" : std::to_string(value); }

std::string traffic_text(const RuleTraffic& traffic) {
  if (traffic.protocol == "-1") return "ALL";
  if (!traffic.has_ports()) return fmt::format("protocol: {}", traffic.protocol);
  std::string name = traffic.protocol;
  std::ranges::transform(name, name.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
  });
  if (is_icmp(traffic.protocol))
    return fmt::format("{}, type: {}, code: {}", name, icmp_text(traffic.from_port),
                       icmp_text(traffic.to_port));
  return fmt::format("{}, from port: {}, to port: {}", name, traffic.from_port, traffic.to_port);
}

std::unexpected<Error> malformed_cidr(std::string_view cidr) {
  return ec2_failure(kCode, fmt::format("CIDR block {} is malformed", cidr));
}

}  // namespace

Result<RuleTraffic> RuleTraffic::parse(const std::optional<std::string>& protocol,
                                       std::optional<std::int32_t> from_port,
                                       std::optional<std::int32_t> to_port) {
  RuleTraffic traffic;
  traffic.protocol = TRY(parse_protocol(protocol));
  // Documented: other protocols mean all their traffic, "regardless of any ports you specify".
  if (!traffic.has_ports()) return traffic;
  const bool ports_given = from_port && to_port;
  if (!ports_given) {
    // Documented: for icmpv6 the range is optional, for the other three it is not.
    if (traffic.protocol == "icmpv6" && !from_port && !to_port) return traffic;
    return ec2_failure(
        kCode, fmt::format("Invalid value 'Must specify both from and to ports with {}.' for portRange.",
                           is_icmp(traffic.protocol) ? "ICMP" : "TCP/UDP"));
  }
  TRY(is_icmp(traffic.protocol) ? check_icmp(*from_port, *to_port) : check_ports(*from_port, *to_port));
  traffic.from_port = *from_port;
  traffic.to_port = *to_port;
  return traffic;
}

bool RuleTraffic::has_ports() const { return protocol == "tcp" || protocol == "udp" || is_icmp(protocol); }

Result<RulePeer> parse_ipv4_peer(std::string_view cidr) {
  if (const auto prefix = Ipv4Prefix::parse_loose(cidr)) return *prefix;
  return malformed_cidr(cidr);
}

Result<RulePeer> parse_ipv6_peer(std::string_view cidr) {
  if (const auto prefix = Ipv6Prefix::parse_loose(cidr)) return *prefix;
  return malformed_cidr(cidr);
}

Result<RulePeer> parse_prefix_list_peer(std::string_view id) {
  if (is_resource_id(id, "pl")) return std::string(id);
  return ec2_failure("InvalidPrefixListId.Malformed",
                     fmt::format("Invalid id: \"{}\" (expecting \"pl-...\")", id));
}

std::string peer_text(const RulePeer& peer) {
  return std::visit(
      [](const auto& value) -> std::string {
        if constexpr (requires { value.text(); })
          return value.text();
        else
          return value;
      },
      peer);
}

std::string RuleTerms::text() const {
  return fmt::format("peer: {}, {}, ALLOW", peer_text(peer), traffic_text(traffic));
}

bool is_group_text(std::string_view text) {
  return text.size() <= kTextMax && std::ranges::all_of(text, [](char letter) {
           const bool alphanumeric =
               (letter >= '0' && letter <= '9') || (lower(letter) >= 'a' && lower(letter) <= 'z');
           return alphanumeric ||
                  std::string_view(" ._-:/()#,@[]+=&;{}!$*").find(letter) != std::string_view::npos;
         });
}

Result<void> check_rule_description(std::string_view description) {
  if (is_group_text(description)) return {};
  return ec2_failure(
      kCode,
      "Invalid rule description. Valid descriptions are strings less than 256 characters from the "
      "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*");
}

void RuleCount::add(const RulePeer& peer) {
  if (!std::holds_alternative<Ipv6Prefix>(peer)) ++ipv4_;
  if (!std::holds_alternative<Ipv4Prefix>(peer)) ++ipv6_;
}

}  // namespace enid::vpc
