#include "api/ec2/security_group_shapes.h"

#include <map>

#include "api/ec2/arn.h"
#include "api/tag_specifications.h"

namespace enid::api::ec2 {
namespace {

std::optional<std::string> if_any(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

void add_peer(IpPermission& permission, const std::string& account, const Rule& rule) {
  const auto description = if_any(rule.description);
  if (const auto* v4 = std::get_if<Ipv4Prefix>(&rule.peer)) {
    permission.ip_ranges.push_back(IpRange{.description = description, .cidr_ip = v4->text()});
  } else if (const auto* v6 = std::get_if<Ipv6Prefix>(&rule.peer)) {
    permission.ipv6_ranges.push_back(Ipv6Range{.description = description, .cidr_ipv6 = v6->text()});
  } else if (const auto* group = std::get_if<SecurityGroupId>(&rule.peer)) {
    UserIdGroupPair pair;
    pair.description = description;
    pair.user_id = account;
    pair.group_id = group->text();
    permission.user_id_group_pairs.push_back(std::move(pair));
  } else {
    permission.prefix_list_ids.push_back(
        PrefixListId{.description = description, .prefix_list_id = std::get<std::string>(rule.peer)});
  }
}

// What SecurityGroupRule and RevokedSecurityGroupRule have in common.
template <class Shape>
Shape common_of(const Group& group, const Rule& rule) {
  Shape shape;
  shape.security_group_rule_id = rule.id.text();
  shape.group_id = group.id.text();
  shape.is_egress = rule.is_egress;
  shape.ip_protocol = rule.protocol;
  shape.from_port = rule.from_port;
  shape.to_port = rule.to_port;
  if (const auto* v4 = std::get_if<Ipv4Prefix>(&rule.peer)) shape.cidr_ipv4 = v4->text();
  if (const auto* v6 = std::get_if<Ipv6Prefix>(&rule.peer)) shape.cidr_ipv6 = v6->text();
  if (const auto* list = std::get_if<std::string>(&rule.peer)) shape.prefix_list_id = *list;
  shape.description = if_any(rule.description);
  return shape;
}

std::vector<Rule> rules_of(const Group& group, bool is_egress) {
  std::vector<Rule> rules;
  for (const Rule& rule : group.rules)
    if (rule.is_egress == is_egress) rules.push_back(rule);
  return rules;
}

}  // namespace

std::vector<IpPermission> group_permissions(const std::string& account, const std::vector<Rule>& rules) {
  std::vector<IpPermission> permissions;
  std::map<vpc::RuleTraffic, std::size_t> place;
  for (const Rule& rule : rules) {
    const vpc::RuleTraffic traffic = terms_of(rule).traffic;
    const auto [found, is_new] = place.try_emplace(traffic, permissions.size());
    if (is_new) {
      IpPermission permission;
      permission.ip_protocol = traffic.protocol;
      // Observed: protocols without ports have no ports here, though a SecurityGroupRule has -1.
      if (traffic.has_ports()) {
        permission.from_port = traffic.from_port;
        permission.to_port = traffic.to_port;
      }
      permissions.push_back(std::move(permission));
    }
    add_peer(permissions[found->second], account, rule);
  }
  return permissions;
}

std::string group_arn(const CallContext& context, const Group& group) {
  return ec2_arn(context.region, context.account_id, "security-group", group.id.text());
}

SecurityGroup describe(const CallContext& context, const Group& group) {
  SecurityGroup shape;
  shape.group_id = group.id.text();
  shape.group_name = group.name;
  shape.description = group.description;
  shape.owner_id = context.account_id;
  shape.vpc_id = group.vpc.text();
  shape.security_group_arn = group_arn(context, group);
  shape.ip_permissions = group_permissions(context.account_id, rules_of(group, false));
  shape.ip_permissions_egress = group_permissions(context.account_id, rules_of(group, true));
  shape.tags = to_tag_list(group.tags);
  return shape;
}

SecurityGroupRule describe(const CallContext& context, const Group& group, const Rule& rule) {
  auto shape = common_of<SecurityGroupRule>(group, rule);
  shape.group_owner_id = context.account_id;
  if (const auto* peer = std::get_if<SecurityGroupId>(&rule.peer)) {
    ReferencedSecurityGroup referenced;
    referenced.group_id = peer->text();
    referenced.user_id = context.account_id;
    shape.referenced_group_info = std::move(referenced);
  }
  shape.tags = to_tag_list(rule.tags);
  shape.security_group_rule_arn =
      ec2_arn(context.region, context.account_id, "security-group-rule", rule.id.text());
  return shape;
}

RevokedSecurityGroupRule describe_revoked(const Group& group, const Rule& rule) {
  auto shape = common_of<RevokedSecurityGroupRule>(group, rule);
  if (const auto* peer = std::get_if<SecurityGroupId>(&rule.peer)) shape.referenced_group_id = peer->text();
  return shape;
}

}  // namespace enid::api::ec2
