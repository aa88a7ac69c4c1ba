#include "card/tables/rule_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/ip_protocol.h"

namespace enid::card {

using contract::SecurityGroupRuleProgram;
namespace ip_protocol = wire::ip_protocol;

void GroupMembers::remove(Ipv4Address address, std::uint32_t interface) {
  const auto found = addresses_.find(address.value);
  if (found != addresses_.end() && found->second == interface) addresses_.erase(found);
}

void GroupMembers::add(const Ipv4Prefix& prefix, std::uint32_t interface) {
  prefixes_.push_back({prefix, interface});
}

void GroupMembers::remove(const Ipv4Prefix& prefix, std::uint32_t interface) {
  const auto found = std::ranges::find(prefixes_, MemberPrefix{prefix, interface});
  if (found != prefixes_.end()) prefixes_.erase(found);
}

bool GroupMembers::contains(Ipv4Address address) const {
  if (addresses_.contains(address.value)) return true;
  return std::ranges::any_of(prefixes_,
                             [&](const MemberPrefix& member) { return member.prefix.contains(address); });
}

bool RuleSet::Rule::matches(const RulePacket& packet) const {
  if (protocol != contract::kAnyProtocol) {
    if (protocol != packet.protocol) return false;
    if (packet.protocol == ip_protocol::kIcmp) {
      if (!any_icmp_type && from_port != packet.icmp_type) return false;
      if (!any_icmp_type && !any_icmp_code && to_port != packet.icmp_code) return false;
    } else if (!any_port && (packet.port < from_port || packet.port > to_port)) {
      return false;
    }
  }
  if (members != nullptr) return members->contains(packet.peer);
  return (packet.peer.value & mask) == address;
}

void RuleSet::add(const SecurityGroupRuleProgram& program, std::shared_ptr<const GroupMembers> members) {
  const auto* prefix = std::get_if<Ipv4Prefix>(&program.peer);
  if (prefix == nullptr && members == nullptr) return;
  const bool has_ports = program.protocol == ip_protocol::kTcp || program.protocol == ip_protocol::kUdp;
  Rule rule{};
  rule.protocol = program.protocol;
  rule.any_port = !has_ports || program.from_port < 0 || (program.from_port == 0 && program.to_port == 65535);
  rule.any_icmp_type = program.from_port < 0;
  rule.any_icmp_code = program.to_port < 0;
  rule.from_port = static_cast<std::uint16_t>(program.from_port);
  rule.to_port = static_cast<std::uint16_t>(program.to_port);
  rule.address = prefix != nullptr ? prefix->address.value : 0;
  rule.mask = prefix != nullptr ? prefix->mask() : 0;
  rule.members = std::move(members);
  rule.source = &program;
  if (rule.any_address() && rule.any_port) {
    opens_all_tcp_ |= rule.protocol == contract::kAnyProtocol || rule.protocol == ip_protocol::kTcp;
    opens_all_udp_ |= rule.protocol == contract::kAnyProtocol || rule.protocol == ip_protocol::kUdp;
  }
  rules_.push_back(std::move(rule));
}

const RuleSet::Rule* RuleSet::match(const RulePacket& packet) const {
  for (const Rule& rule : rules_)
    if (rule.matches(packet)) return &rule;
  return nullptr;
}

bool RuleSet::match_any_address(const RulePacket& packet) const {
  return std::ranges::any_of(rules_,
                             [&](const Rule& rule) { return rule.any_address() && rule.matches(packet); });
}

bool RuleSet::opens_all_ports(std::uint8_t protocol) const {
  if (protocol == ip_protocol::kTcp) return opens_all_tcp_;
  return protocol == ip_protocol::kUdp && opens_all_udp_;
}

std::string text_of(const SecurityGroupRuleProgram& rule, bool ingress) {
  std::string what;
  switch (rule.protocol) {
    case contract::kAnyProtocol:
      what = "all";
      break;
    case ip_protocol::kTcp:
      what = "tcp";
      break;
    case ip_protocol::kUdp:
      what = "udp";
      break;
    case ip_protocol::kIcmp:
      what = "icmp";
      break;
    default:
      what = fmt::format("protocol {}", rule.protocol);
  }
  if (rule.protocol == ip_protocol::kTcp || rule.protocol == ip_protocol::kUdp) {
    what += rule.from_port < 0 ? " all ports" : fmt::format(" {}-{}", rule.from_port, rule.to_port);
  } else if (rule.protocol == ip_protocol::kIcmp && rule.from_port >= 0) {
    what += fmt::format(" type {} code {}", rule.from_port, rule.to_port);
  }
  struct PeerText {
    std::string operator()(const Ipv4Prefix& prefix) const { return prefix.text(); }
    std::string operator()(const Ipv6Prefix& prefix) const { return prefix.text(); }
    std::string operator()(const SecurityGroupId& group) const { return group.text(); }
  };
  return fmt::format("{} {} {} {}", rule.id.text(), what, ingress ? "from" : "to",
                     std::visit(PeerText{}, rule.peer));
}

}  // namespace enid::card
