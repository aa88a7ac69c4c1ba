#include "api/ec2/security_group_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "api/ec2/ids.h"
#include "control/operations/vpcs.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using vpc::ec2_failure;
using vpc::RulePeer;
using vpc::RuleTerms;
using vpc::RuleTraffic;

constexpr std::string_view kCombination = "InvalidParameterCombination";

struct PeerAndDescription {
  RulePeer peer;
  std::string description;
};

Result<std::vector<PeerAndDescription>> read_peers(const control::Transaction& transaction,
                                                   const Group& group, const IpPermission& permission) {
  std::vector<PeerAndDescription> peers;
  const auto add = [&](RulePeer peer, const std::optional<std::string>& description) {
    peers.push_back({std::move(peer), description.value_or("")});
  };
  for (const IpRange& range : permission.ip_ranges)
    add(TRY(vpc::parse_ipv4_peer(range.cidr_ip.value_or(""))), range.description);
  for (const Ipv6Range& range : permission.ipv6_ranges)
    add(TRY(vpc::parse_ipv6_peer(range.cidr_ipv6.value_or(""))), range.description);
  for (const PrefixListId& list : permission.prefix_list_ids)
    add(TRY(vpc::parse_prefix_list_peer(list.prefix_list_id.value_or(""))), list.description);
  for (const UserIdGroupPair& pair : permission.user_id_group_pairs)
    add(TRY(parse_group_peer(transaction, group, pair)), pair.description);
  // Chosen: the code; a permission without a peer would allow nothing.
  if (peers.empty())
    return ec2_failure(
        "MissingParameter",
        "The request must contain a CIDR block, a prefix list or a security group for each permission");
  return peers;
}

// Documented: AuthorizeSecurityGroupIngress, SourceSecurityGroupName: "creates rules that grant
// full ICMP, UDP, and TCP access".
std::vector<IpPermission> all_from(const FlatPermission& flat) {
  struct Full {
    std::string_view protocol;
    std::int32_t from;
    std::int32_t to;
  };
  constexpr std::array<Full, 3> kFull{{{"tcp", 0, 65535}, {"udp", 0, 65535}, {"icmp", -1, -1}}};
  std::vector<IpPermission> permissions;
  for (const Full& full : kFull) {
    IpPermission permission;
    permission.ip_protocol = std::string(full.protocol);
    permission.from_port = full.from;
    permission.to_port = full.to;
    UserIdGroupPair pair;
    pair.group_name = flat.source_group_name;
    pair.user_id = flat.source_group_owner;
    permission.user_id_group_pairs.push_back(std::move(pair));
    permissions.push_back(std::move(permission));
  }
  return permissions;
}

}  // namespace

Result<const Group*> find_group_by_name(const control::Transaction& transaction, const std::string& name) {
  const control::VpcRecord* vpc = control::default_vpc(transaction.region());
  if (vpc == nullptr)
    return ec2_failure("InvalidGroup.NotFound", fmt::format("The security group '{}' does not exist", name));
  const Group* group = transaction.region().group_named(vpc->id, name);
  if (group == nullptr)
    return ec2_failure(
        "InvalidGroup.NotFound",
        fmt::format("The security group '{}' does not exist in default VPC '{}'", name, vpc->id.text()));
  return group;
}

Result<const Group*> find_group(const control::Transaction& transaction, const std::optional<std::string>& id,
                                const std::optional<std::string>& name) {
  if (id && name)
    return ec2_failure(kCombination, "The parameter groupName cannot be used with the parameter groupId");
  if (id) return find_record<Group>(transaction, TRY(parse_id<SecurityGroupId>(*id)));
  if (name) return find_group_by_name(transaction, *name);
  return ec2_failure("MissingParameter", "The request must contain the parameter groupName or groupId");
}

Result<RulePeer> parse_group_peer(const control::Transaction& transaction, const Group& group,
                                  const UserIdGroupPair& pair) {
  // There is one account; the groups of another do not exist.
  if (pair.user_id && *pair.user_id != transaction.account())
    return std::unexpected(id_not_found("sg", pair.group_id ? *pair.group_id : pair.group_name.value_or("")));
  const Group& peer = *TRY(find_group(transaction, pair.group_id, pair.group_name));
  if (peer.vpc != group.vpc)
    return ec2_failure("InvalidGroup.NotFound",
                       "You have specified two resources that belong to different networks.");
  return peer.id;
}

Result<std::vector<Rule>> read_permissions(const control::Transaction& transaction, const Group& group,
                                           bool is_egress, const std::vector<IpPermission>& permissions) {
  std::vector<Rule> rules;
  std::set<RuleTerms> seen;
  for (const IpPermission& permission : permissions) {
    const RuleTraffic traffic =
        TRY(RuleTraffic::parse(permission.ip_protocol, permission.from_port, permission.to_port));
    auto peers = TRY(read_peers(transaction, group, permission));
    for (PeerAndDescription& from : peers) {
      TRY(vpc::check_rule_description(from.description));
      RuleTerms terms{traffic, std::move(from.peer)};
      if (!seen.insert(terms).second)
        return ec2_failure("InvalidParameterValue", "The same permission must not appear multiple times");
      Rule rule;
      rule.is_egress = is_egress;
      set_terms(rule, std::move(terms));
      rule.description = std::move(from.description);
      rules.push_back(std::move(rule));
    }
  }
  return rules;
}

Result<std::vector<IpPermission>> join_permissions(const FlatPermission& flat, bool is_egress,
                                                   const std::vector<IpPermission>& permissions) {
  if (flat.empty()) return permissions;
  if (!permissions.empty())
    return ec2_failure(kCombination,
                       "The parameter ipPermissions cannot be used with the parameters of one rule");
  // Documented: for egress they are "not supported. Use IP permissions instead".
  if (is_egress) return permissions;
  if (flat.source_group_name) {
    if (flat.cidr_ip || flat.protocol || flat.from_port || flat.to_port)
      return ec2_failure(
          kCombination,
          "The parameter sourceSecurityGroupName cannot be used with cidrIp, ipProtocol, fromPort or "
          "toPort");
    return all_from(flat);
  }
  if (!flat.cidr_ip) return ec2_failure("MissingParameter", "The request must contain the parameter cidrIp");
  IpPermission permission;
  permission.ip_protocol = flat.protocol;
  permission.from_port = flat.from_port;
  permission.to_port = flat.to_port;
  permission.ip_ranges.push_back(IpRange{.description = {}, .cidr_ip = flat.cidr_ip});
  return std::vector<IpPermission>{std::move(permission)};
}

RuleTerms terms_of(const Rule& rule) { return {{rule.protocol, rule.from_port, rule.to_port}, rule.peer}; }

void set_terms(Rule& rule, RuleTerms terms) {
  rule.protocol = std::move(terms.traffic.protocol);
  rule.from_port = terms.traffic.from_port;
  rule.to_port = terms.traffic.to_port;
  rule.peer = std::move(terms.peer);
}

Result<void> check_rules(const Group& group) {
  for (const bool is_egress : {false, true}) {
    std::set<RuleTerms> seen;
    vpc::RuleCount count;
    for (const Rule& rule : group.rules) {
      if (rule.is_egress != is_egress) continue;
      const auto [terms, is_new] = seen.insert(terms_of(rule));
      if (!is_new)
        return ec2_failure("InvalidPermission.Duplicate",
                           fmt::format("the specified rule \"{}\" already exists", terms->text()));
      count.add(rule.peer);
    }
    if (count.over_limit())
      return ec2_failure("RulesPerSecurityGroupLimitExceeded",
                         "The maximum number of rules per security group has been reached.");
  }
  return {};
}

}  // namespace enid::api::ec2
