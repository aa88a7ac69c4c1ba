// What one rule of a security group says, in EC2's one way to say it.
//
// Theory of operation
//   Callers write the same rule in many ways: "TCP", "6" and "tcp"; 10.0.0.5/24 and 10.0.0.0/24;
//   any ports beside protocol -1. Here each becomes one value, the one that EC2 answers, so that
//   equal rules are equal values: that is what "duplicate" and "the rule to revoke" mean.
//
// Invariants
//   (1) Terms that exist are canonical: reading what they print yields them again.
//
// Sources
//   Documented: EC2 API Reference, IpPermission, IpRange, SecurityGroupRuleRequest; VPC User
//   Guide, "Amazon VPC quotas". Observed: the texts of the errors (docs/fidelity/security-groups.md).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/result.h"

namespace enid::vpc {

inline constexpr std::int32_t kAnyPort = -1;

struct RuleTraffic {
  std::string protocol = "-1";  // "tcp", "udp", "icmp", "icmpv6", "-1", or a number.
  // Ports, or ICMP's type and code. kAnyPort where the protocol has none, and for any type or code.
  std::int32_t from_port = kAnyPort;
  std::int32_t to_port = kAnyPort;

  auto operator<=>(const RuleTraffic&) const = default;

  static Result<RuleTraffic> parse(const std::optional<std::string>& protocol,
                                   std::optional<std::int32_t> from_port,
                                   std::optional<std::int32_t> to_port);
  // True for TCP, UDP and both ICMPs: the others have no ports to tell of.
  bool has_ports() const;
};

// A prefix list is its id.
using RulePeer = std::variant<Ipv4Prefix, Ipv6Prefix, SecurityGroupId, std::string>;

Result<RulePeer> parse_ipv4_peer(std::string_view cidr);
Result<RulePeer> parse_ipv6_peer(std::string_view cidr);
Result<RulePeer> parse_prefix_list_peer(std::string_view id);
std::string peer_text(const RulePeer& peer);

struct RuleTerms {
  RuleTraffic traffic;
  RulePeer peer;

  auto operator<=>(const RuleTerms&) const = default;
  // "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW", as EC2's errors name a rule.
  std::string text() const;
};

// Of a rule, and of a group: its letters.
Result<void> check_rule_description(std::string_view description);
// True for up to 255 of the characters that names and descriptions of groups may have.
bool is_group_text(std::string_view text);

// Documented: 60 rules a direction, for IPv4 and for IPv6 apart; groups and prefix lists count
// for both.
inline constexpr int kRulesPerDirectionMax = 60;
// Counts the rules of one direction against the limit.
class RuleCount {
 public:
  void add(const RulePeer& peer);
  bool over_limit() const { return ipv4_ > kRulesPerDirectionMax || ipv6_ > kRulesPerDirectionMax; }

 private:
  int ipv4_ = 0;
  int ipv6_ = 0;
};

}  // namespace enid::vpc
