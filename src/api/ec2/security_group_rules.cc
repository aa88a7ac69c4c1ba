// The rules of security groups: authorizing, revoking, modifying and describing them.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/ec2/security_group_requests.h"
#include "api/ec2/security_group_shapes.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using vpc::ec2_failure;

// EgressRequests name their group by id alone.
template <class Request>
Result<const Group*> group_of(const CallContext& context, const Request& request) {
  if constexpr (requires { request.group_name; })
    return find_group(context.transaction, request.group_id, request.group_name);
  else
    return find_group(context.transaction, request.group_id);
}

template <class Shape, bool kIsEgress, class Request>
Result<Shape> authorize(CallContext& context, const Request& request) {
  Group group = *TRY(group_of(context, request));
  const auto permissions = TRY(permissions_of(request, kIsEgress));
  if (permissions.empty())
    return ec2_failure("MissingParameter", "The request must contain the parameter ipPermissions");
  const TagMap tags = TRY(tags_for("security-group-rule", request.tag_specifications));
  auto rules = TRY(read_permissions(context.transaction, group, kIsEgress, permissions));
  Shape result;
  result.return_ = true;
  for (Rule& rule : rules) {
    rule.id = context.transaction.make_id<SecurityGroupRuleId>();
    rule.tags = tags;
    result.security_group_rules.push_back(describe(context, group, rule));
    group.rules.push_back(std::move(rule));
  }
  TRY(check_rules(group));
  context.transaction.put(std::move(group));
  return result;
}

// Where the group keeps the rules that the request names, and the permissions that no rule has.
struct NamedRules {
  std::vector<std::size_t> places;
  std::vector<Rule> unknown;
};

Result<NamedRules> find_rules(const CallContext& context, const Group& group, bool is_egress,
                              const std::vector<IpPermission>& permissions) {
  NamedRules named;
  auto rules = TRY(read_permissions(context.transaction, group, is_egress, permissions));
  for (Rule& wanted : rules) {
    const auto rule = std::ranges::find_if(group.rules, [&](const Rule& candidate) {
      return candidate.is_egress == is_egress && terms_of(candidate) == terms_of(wanted);
    });
    if (rule == group.rules.end())
      named.unknown.push_back(std::move(wanted));
    else
      named.places.push_back(static_cast<std::size_t>(rule - group.rules.begin()));
  }
  return named;
}

// Where the group keeps that rule.
Result<std::size_t> find_rule(const Group& group, const std::optional<std::string>& text) {
  const SecurityGroupRuleId id = TRY(parse_id<SecurityGroupRuleId>(text));
  const auto rule = std::ranges::find(group.rules, id, &Rule::id);
  if (rule == group.rules.end()) return std::unexpected(id_not_found("sgr", id.text()));
  return static_cast<std::size_t>(rule - group.rules.begin());
}

Result<std::size_t> find_rule_of(const Group& group, bool is_egress, const std::optional<std::string>& id) {
  const std::size_t place = TRY(find_rule(group, id));
  // Chosen: a rule of the other direction is a rule that is not there.
  if (group.rules[place].is_egress != is_egress) return std::unexpected(id_not_found("sgr", *id));
  return place;
}

Result<NamedRules> find_rules_by_id(const Group& group, bool is_egress, const std::vector<std::string>& ids) {
  std::set<std::size_t> places;
  for (const std::string& id : ids) places.insert(TRY(find_rule_of(group, is_egress, id)));
  return NamedRules{{places.begin(), places.end()}, {}};
}

std::unexpected<Error> rule_not_found() {
  return ec2_failure("InvalidPermission.NotFound",
                     "The specified rule does not exist in this security group.");
}

template <class Shape, bool kIsEgress, class Request>
Result<Shape> revoke(CallContext& context, const Request& request) {
  Group group = *TRY(group_of(context, request));
  const auto permissions = TRY(permissions_of(request, kIsEgress));
  if (permissions.empty() == request.security_group_rule_ids.empty()) {
    if (permissions.empty())
      return ec2_failure("MissingParameter",
                         "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
    return ec2_failure("InvalidParameterCombination",
                       "The parameter ipPermissions cannot be used with the parameter securityGroupRuleIds");
  }
  NamedRules named = permissions.empty()
                         ? TRY(find_rules_by_id(group, kIsEgress, request.security_group_rule_ids))
                         : TRY(find_rules(context, group, kIsEgress, permissions));
  // Documented: RevokeSecurityGroupIngress: in a default VPC what no rule has is told in the
  // answer; in another VPC it is an error and nothing is revoked.
  const auto* vpc = context.transaction.find<control::VpcRecord>(group.vpc);
  if (!named.unknown.empty() && (vpc == nullptr || !vpc->is_default)) return rule_not_found();
  Shape result;
  result.return_ = true;
  result.unknown_ip_permissions = group_permissions(context.account_id, named.unknown);
  for (const std::size_t place : named.places)
    result.revoked_security_group_rules.push_back(describe_revoked(group, group.rules[place]));
  std::ranges::sort(named.places, std::greater{});
  for (const std::size_t place : named.places)
    group.rules.erase(group.rules.begin() + static_cast<std::ptrdiff_t>(place));
  if (!named.places.empty()) context.transaction.put(std::move(group));
  return result;
}

// Documented: SecurityGroupRuleRequest: exactly one peer, of the kind the rule has.
Result<vpc::RulePeer> read_peer(const CallContext& context, const Group& group,
                                const SecurityGroupRuleRequest& request) {
  const int peers = request.cidr_ipv4.has_value() + request.cidr_ipv6.has_value() +
                    request.prefix_list_id.has_value() + request.referenced_group_id.has_value();
  if (peers != 1)
    return ec2_failure(
        "InvalidParameterCombination",
        "Exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId must be specified");
  if (request.cidr_ipv4) return vpc::parse_ipv4_peer(*request.cidr_ipv4);
  if (request.cidr_ipv6) return vpc::parse_ipv6_peer(*request.cidr_ipv6);
  if (request.prefix_list_id) return vpc::parse_prefix_list_peer(*request.prefix_list_id);
  UserIdGroupPair pair;
  pair.group_id = request.referenced_group_id;
  return parse_group_peer(context.transaction, group, pair);
}

Result<void> modify_rule(const CallContext& context, const Group& group,
                         const SecurityGroupRuleRequest& request, Rule& rule) {
  auto traffic = TRY(vpc::RuleTraffic::parse(request.ip_protocol, request.from_port, request.to_port));
  auto peer = TRY(read_peer(context, group, request));
  if (peer.index() != rule.peer.index())
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("The type of the security group rule '{}' cannot be changed", rule.id.text()));
  const std::string description = request.description.value_or("");
  TRY(vpc::check_rule_description(description));
  set_terms(rule, {std::move(traffic), std::move(peer)});
  rule.description = description;
  return {};
}

Result<ModifySecurityGroupRulesResult> modify_security_group_rules(
    CallContext& context, const ModifySecurityGroupRulesRequest& request) {
  Group group = *TRY(find_group(context.transaction, request.group_id));
  if (request.security_group_rules.empty())
    return ec2_failure("MissingParameter", "The request must contain the parameter SecurityGroupRules");
  std::set<std::size_t> changed;
  for (const SecurityGroupRuleUpdate& update : request.security_group_rules) {
    const std::size_t place = TRY(find_rule(group, update.security_group_rule_id));
    if (!changed.insert(place).second)
      return ec2_failure("InvalidParameterValue", "The same rule must not appear multiple times");
    if (!update.security_group_rule)
      return ec2_failure("MissingParameter", "The request must contain the parameter SecurityGroupRule");
    TRY(modify_rule(context, group, *update.security_group_rule, group.rules[place]));
  }
  TRY(check_rules(group));
  context.transaction.put(std::move(group));
  return ModifySecurityGroupRulesResult{.return_ = true};
}

// A description that is not given is removed.
template <class Shape, bool kIsEgress, class Request>
Result<Shape> update_descriptions(CallContext& context, const Request& request) {
  Group group = *TRY(group_of(context, request));
  const auto& by_id = request.security_group_rule_descriptions;
  if (by_id.empty() == request.ip_permissions.empty())
    return ec2_failure(by_id.empty() ? "MissingParameter" : "InvalidParameterCombination",
                       "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.");
  for (const SecurityGroupRuleDescription& described : by_id) {
    const std::size_t place = TRY(find_rule_of(group, kIsEgress, described.security_group_rule_id));
    group.rules[place].description = described.description.value_or("");
    TRY(vpc::check_rule_description(group.rules[place].description));
  }
  const auto rules = TRY(read_permissions(context.transaction, group, kIsEgress, request.ip_permissions));
  for (const Rule& described : rules) {
    const auto rule = std::ranges::find_if(group.rules, [&](const Rule& candidate) {
      return candidate.is_egress == kIsEgress && terms_of(candidate) == terms_of(described);
    });
    if (rule == group.rules.end()) return rule_not_found();
    rule->description = described.description;
  }
  context.transaction.put(std::move(group));
  return Shape{.return_ = true};
}

Result<DescribeSecurityGroupRulesResult> describe_security_group_rules(
    CallContext& context, const DescribeSecurityGroupRulesRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeSecurityGroupRules", request.filters));
  std::set<SecurityGroupRuleId> missing;
  for (const std::string& text : request.security_group_rule_ids)
    missing.insert(TRY(parse_id<SecurityGroupRuleId>(text)));
  const bool all = missing.empty();
  std::vector<SecurityGroupRule> found;
  for (const auto& [id, group] : context.transaction.table<Group>()) {
    for (const Rule& rule : group.rules) {
      if (!all && missing.erase(rule.id) == 0) continue;
      const auto values = [&](std::string_view name, FilterValues& to) {
        if (name == "group-id") to.add(group.id.text());
        if (name == "security-group-rule-id") to.add(rule.id.text());
      };
      if (filters.match(values, rule.tags)) found.push_back(describe(context, group, rule));
    }
  }
  if (!missing.empty()) return std::unexpected(id_not_found("sgr", missing.begin()->text()));
  auto page = TRY(paginate(std::move(found), &SecurityGroupRule::security_group_rule_id, request));
  DescribeSecurityGroupRulesResult result;
  result.next_token = std::move(page.next_token);
  result.security_group_rules = std::move(page.items);
  return result;
}

}  // namespace

void add_security_group_rule_operations(OperationTable& table) {
  table.add<operations::AuthorizeSecurityGroupIngress>(authorize<AuthorizeSecurityGroupIngressResult, false>,
                                                       OperationKind::kChange);
  table.add<operations::AuthorizeSecurityGroupEgress>(authorize<AuthorizeSecurityGroupEgressResult, true>,
                                                      OperationKind::kChange);
  table.add<operations::RevokeSecurityGroupIngress>(revoke<RevokeSecurityGroupIngressResult, false>,
                                                    OperationKind::kChange);
  table.add<operations::RevokeSecurityGroupEgress>(revoke<RevokeSecurityGroupEgressResult, true>,
                                                   OperationKind::kChange);
  table.add<operations::ModifySecurityGroupRules>(modify_security_group_rules, OperationKind::kChange);
  table.add<operations::UpdateSecurityGroupRuleDescriptionsIngress>(
      update_descriptions<UpdateSecurityGroupRuleDescriptionsIngressResult, false>, OperationKind::kChange);
  table.add<operations::UpdateSecurityGroupRuleDescriptionsEgress>(
      update_descriptions<UpdateSecurityGroupRuleDescriptionsEgressResult, true>, OperationKind::kChange);
  table.add<operations::DescribeSecurityGroupRules>(describe_security_group_rules, OperationKind::kRead);
}

}  // namespace enid::api::ec2
