// Security groups: making, deleting and describing them. Their rules: security_group_rules.cc.
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
#include "control/operations/vpcs.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using control::VpcRecord;
using vpc::ec2_failure;

// Documented: VPC User Guide, "Amazon VPC quotas": security groups per Region.
constexpr std::size_t kGroupsPerRegionMax = 2500;
constexpr std::string_view kDefaultName = "default";
constexpr Ipv4Prefix kEverywhere{};

std::string lower_case(std::string text) {
  for (char& letter : text)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + 32);
  return text;
}

Result<void> check_text(const std::string& text, std::string_view parameter) {
  if (text.empty())
    return ec2_failure("MissingParameter",
                       fmt::format("The request must contain the parameter {}", parameter));
  if (vpc::is_group_text(text)) return {};
  return ec2_failure(
      "InvalidParameterValue",
      fmt::format(
          "Value ({}) for parameter {} is invalid. Up to 255 characters of a-z, A-Z, 0-9, spaces, and "
          "._-:/()#,@[]+=&;{{}}!$* are allowed.",
          text, parameter));
}

// Documented: CreateSecurityGroup: "Names are case-insensitive and must be unique within the VPC".
Result<void> check_name(const control::Transaction& transaction, const VpcId& vpc, const std::string& name) {
  TRY(check_text(name, "GroupName"));
  const std::string lowered = lower_case(name);
  if (lowered.starts_with("sg-"))
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format(
            "Value ({}) for parameter GroupName is invalid. Group names may not be in the format sg-*.",
            name));
  if (lowered == kDefaultName)
    return ec2_failure("InvalidGroup.Reserved", fmt::format("The security group '{}' is reserved", name));
  for (const auto& [id, group] : transaction.table<Group>())
    if (group.vpc == vpc && lower_case(group.name) == lowered)
      return ec2_failure(
          "InvalidGroup.Duplicate",
          fmt::format("The security group '{}' already exists for VPC '{}'", name, vpc.text()));
  return {};
}

Result<VpcId> vpc_of(const control::Transaction& transaction, const std::optional<std::string>& text) {
  if (text) return TRY(find_record<VpcRecord>(transaction, TRY(parse_id<VpcId>(*text))))->id;
  const VpcRecord* vpc = control::default_vpc(transaction.region());
  if (vpc == nullptr) return ec2_failure("VPCIdNotSpecified", "No default VPC for this user");
  return vpc->id;
}

Result<CreateSecurityGroupResult> create_security_group(CallContext& context,
                                                        const CreateSecurityGroupRequest& request) {
  control::Transaction& transaction = context.transaction;
  Group group;
  group.vpc = TRY(vpc_of(transaction, request.vpc_id));
  group.name = request.group_name.value_or("");
  group.description = request.description.value_or("");
  TRY(check_name(transaction, group.vpc, group.name));
  TRY(check_text(group.description, "GroupDescription"));
  group.tags = TRY(tags_for("security-group", request.tag_specifications));
  if (transaction.table<Group>().size() >= kGroupsPerRegionMax)
    return ec2_failure("SecurityGroupLimitExceeded",
                       "The maximum number of security groups has been reached.");
  group.id = transaction.make_id<SecurityGroupId>();
  group.rules.push_back(control::allow_all(transaction, true, kEverywhere));
  transaction.put(group);
  CreateSecurityGroupResult result;
  result.group_id = group.id.text();
  result.tags = to_tag_list(group.tags);
  result.security_group_arn = group_arn(context, group);
  return result;
}

bool is_referenced(const control::RegionModel& region, const SecurityGroupId& id) {
  const auto refers = [&](const Rule& rule) { return rule.peer == vpc::RulePeer(id); };
  return std::ranges::any_of(region.table<Group>(), [&](const auto& row) {
    return row.first != id && std::ranges::any_of(row.second.rules, refers);
  });
}

Result<DeleteSecurityGroupResult> delete_security_group(CallContext& context,
                                                        const DeleteSecurityGroupRequest& request) {
  control::Transaction& transaction = context.transaction;
  const Group& group = *TRY(find_group(transaction, request.group_id, request.group_name));
  if (group.name == kDefaultName)
    return ec2_failure("CannotDelete",
                       fmt::format("the specified group: \"{}\" name: \"{}\" cannot be deleted by a user",
                                   group.id.text(), group.name));
  const SecurityGroupId id = group.id;
  if (!transaction.region().interfaces_in(id).empty() || is_referenced(transaction.region(), id))
    return ec2_failure("DependencyViolation", fmt::format("resource {} has a dependent object", id.text()));
  transaction.erase<Group>(id);
  return DeleteSecurityGroupResult{.return_ = true, .group_id = id.text()};
}

// Filters on rules: ip-permission.… for ingress, egress.ip-permission.… for egress.
void add_rule_values(const CallContext& context, const Group& group, std::string_view name,
                     FilterValues& to) {
  constexpr std::string_view kEgress = "egress.";
  constexpr std::string_view kPermission = "ip-permission.";
  const bool is_egress = name.starts_with(kEgress);
  if (is_egress) name.remove_prefix(kEgress.size());
  if (!name.starts_with(kPermission)) return;
  name.remove_prefix(kPermission.size());
  for (const Rule& rule : group.rules) {
    if (rule.is_egress != is_egress) continue;
    if (name == "protocol") to.add(rule.protocol);
    if (terms_of(rule).traffic.has_ports()) {
      if (name == "from-port") to.add(rule.from_port);
      if (name == "to-port") to.add(rule.to_port);
    }
    if (std::holds_alternative<Ipv4Prefix>(rule.peer) && name == "cidr") to.add(vpc::peer_text(rule.peer));
    if (std::holds_alternative<Ipv6Prefix>(rule.peer) && name == "ipv6-cidr")
      to.add(vpc::peer_text(rule.peer));
    if (std::holds_alternative<std::string>(rule.peer) && name == "prefix-list-id")
      to.add(vpc::peer_text(rule.peer));
    if (const auto* peer = std::get_if<SecurityGroupId>(&rule.peer)) {
      if (name == "group-id") to.add(peer->text());
      if (name == "user-id") to.add(context.account_id);
      const Group* other = context.transaction.find<Group>(*peer);
      if (name == "group-name" && other != nullptr) to.add(other->name);
    }
  }
}

void add_values(const CallContext& context, const Group& group, std::string_view name, FilterValues& to) {
  if (name == "group-id") to.add(group.id.text());
  if (name == "group-name") to.add(group.name);
  if (name == "description") to.add(group.description);
  if (name == "owner-id") to.add(context.account_id);
  if (name == "vpc-id" || name == "primary-vpc-id") to.add(group.vpc.text());
  add_rule_values(context, group, name, to);
}

bool matches(const CallContext& context, const Filters& filters, const Group& group) {
  return filters.match(
      [&](std::string_view name, FilterValues& values) { add_values(context, group, name, values); },
      group.tags);
}

Result<DescribeSecurityGroupsResult> describe_security_groups(CallContext& context,
                                                              const DescribeSecurityGroupsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeSecurityGroups", request.filters));
  std::set<SecurityGroupId> named;
  for (const std::string& id : request.group_ids) named.insert(TRY(find_group(context.transaction, id))->id);
  for (const std::string& name : request.group_names)
    named.insert(TRY(find_group_by_name(context.transaction, name))->id);
  std::vector<SecurityGroup> found;
  for (const auto& [id, group] : context.transaction.table<Group>())
    if ((named.empty() || named.contains(id)) && matches(context, filters, group))
      found.push_back(describe(context, group));
  auto page = TRY(paginate(std::move(found), &SecurityGroup::group_id, request));
  DescribeSecurityGroupsResult result;
  result.next_token = std::move(page.next_token);
  result.security_groups = std::move(page.items);
  return result;
}

SecurityGroupForVpc describe_for_vpc(const CallContext& context, const Group& group) {
  SecurityGroupForVpc shape;
  shape.group_id = group.id.text();
  shape.group_name = group.name;
  shape.description = group.description;
  shape.owner_id = context.account_id;
  shape.primary_vpc_id = group.vpc.text();
  shape.tags = to_tag_list(group.tags);
  return shape;
}

Result<GetSecurityGroupsForVpcResult> get_security_groups_for_vpc(
    CallContext& context, const GetSecurityGroupsForVpcRequest& request) {
  const VpcId vpc = TRY(parse_id<VpcId>(request.vpc_id));
  TRY(find_record<VpcRecord>(context.transaction, vpc));
  const Filters filters = TRY(Filters::parse("GetSecurityGroupsForVpc", request.filters));
  std::vector<SecurityGroupForVpc> found;
  for (const auto& [id, group] : context.transaction.table<Group>())
    if (group.vpc == vpc && matches(context, filters, group))
      found.push_back(describe_for_vpc(context, group));
  auto page = TRY(paginate(std::move(found), &SecurityGroupForVpc::group_id, request));
  GetSecurityGroupsForVpcResult result;
  result.next_token = std::move(page.next_token);
  result.security_group_for_vpcs = std::move(page.items);
  return result;
}

// References are told across peering connections and transit gateways only. There are neither, so
// the groups are checked and nothing refers to them.
Result<DescribeSecurityGroupReferencesResult> describe_security_group_references(
    CallContext& context, const DescribeSecurityGroupReferencesRequest& request) {
  for (const std::string& id : request.group_id) TRY(find_group(context.transaction, id));
  return DescribeSecurityGroupReferencesResult{};
}

// A rule is stale when the group it names, in a peered VPC, is gone. Within a VPC a group that is
// referred to cannot be deleted, so no rule is.
Result<DescribeStaleSecurityGroupsResult> describe_stale_security_groups(
    CallContext& context, const DescribeStaleSecurityGroupsRequest& request) {
  TRY(find_record<VpcRecord>(context.transaction, TRY(parse_id<VpcId>(request.vpc_id))));
  return DescribeStaleSecurityGroupsResult{};
}

}  // namespace

void add_security_group_operations(OperationTable& table) {
  table.add<operations::CreateSecurityGroup>(create_security_group, OperationKind::kChange);
  table.add<operations::DeleteSecurityGroup>(delete_security_group, OperationKind::kChange);
  table.add<operations::DescribeSecurityGroups>(describe_security_groups, OperationKind::kRead);
  table.add<operations::GetSecurityGroupsForVpc>(get_security_groups_for_vpc, OperationKind::kRead);
  table.add<operations::DescribeSecurityGroupReferences>(describe_security_group_references,
                                                         OperationKind::kRead);
  table.add<operations::DescribeStaleSecurityGroups>(describe_stale_security_groups, OperationKind::kRead);
}

}  // namespace enid::api::ec2
