// Network ACLs: each VPC's default one, which lets everything pass.
//
// Documented: VPC User Guide, "Default network ACL for a VPC": rule 100 allows all, `*` (32767)
// denies the rest, in both directions.
#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"

namespace enid::api::ec2 {
namespace {

using control::NetworkAclRecord;
using control::SubnetRecord;

constexpr std::int32_t kAllowAllRule = 100;
constexpr std::int32_t kLastRule = 32767;

NetworkAclEntry entry(bool egress, std::int32_t number, std::string action) {
  NetworkAclEntry shape;
  shape.cidr_block = "0.0.0.0/0";
  shape.egress = egress;
  shape.protocol = "-1";
  shape.rule_action = std::move(action);
  shape.rule_number = number;
  return shape;
}

std::vector<NetworkAclEntry> entries(const NetworkAclRecord& acl) {
  std::vector<NetworkAclEntry> all;
  for (const bool egress : {true, false}) {
    if (acl.is_default) all.push_back(entry(egress, kAllowAllRule, "allow"));
    all.push_back(entry(egress, kLastRule, "deny"));
  }
  return all;
}

NetworkAcl describe(const CallContext& context, const NetworkAclRecord& acl) {
  NetworkAcl shape;
  for (const SubnetId& id : context.transaction.region().subnets_of(acl.vpc)) {
    const SubnetRecord& subnet = *context.transaction.find<SubnetRecord>(id);
    if (subnet.network_acl != acl.id) continue;
    NetworkAclAssociation& association = shape.associations.emplace_back();
    association.network_acl_association_id = subnet.network_acl_association.text();
    association.network_acl_id = acl.id.text();
    association.subnet_id = id.text();
  }
  shape.entries = entries(acl);
  shape.is_default = acl.is_default;
  shape.network_acl_id = acl.id.text();
  shape.tags = to_tag_list(acl.tags);
  shape.vpc_id = acl.vpc.text();
  shape.owner_id = context.account_id;
  return shape;
}

// Filters may say a protocol by name; entries here are of all protocols.
void filter_values(const NetworkAcl& shape, std::string_view name, FilterValues& values) {
  for (const NetworkAclAssociation& association : shape.associations) {
    if (name == "association.association-id") values.add(association.network_acl_association_id);
    if (name == "association.network-acl-id") values.add(association.network_acl_id);
    if (name == "association.subnet-id") values.add(association.subnet_id);
  }
  for (const NetworkAclEntry& one : shape.entries) {
    if (name == "entry.cidr") values.add(one.cidr_block);
    if (name == "entry.egress") values.add(one.egress);
    if (name == "entry.protocol") values.add(one.protocol);
    if (name == "entry.rule-action") values.add(one.rule_action);
    if (name == "entry.rule-number") values.add(one.rule_number);
  }
  if (name == "default") values.add(shape.is_default);
  if (name == "network-acl-id") values.add(shape.network_acl_id);
  if (name == "owner-id") values.add(shape.owner_id);
  if (name == "vpc-id") values.add(shape.vpc_id);
}

Result<DescribeNetworkAclsResult> describe_network_acls(CallContext& context,
                                                        const DescribeNetworkAclsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeNetworkAcls", request.filters));
  std::vector<NetworkAcl> found;
  TRY(for_each_record<NetworkAclRecord>(
      context.transaction, request.network_acl_ids, [&](const NetworkAclRecord& acl) {
        NetworkAcl shape = describe(context, acl);
        const auto values = [&](std::string_view name, FilterValues& to) { filter_values(shape, name, to); };
        if (filters.match(values, acl.tags)) found.push_back(std::move(shape));
      }));
  auto page = TRY(paginate(std::move(found), &NetworkAcl::network_acl_id, request));
  return DescribeNetworkAclsResult{.network_acls = std::move(page.items),
                                   .next_token = std::move(page.next_token)};
}

}  // namespace

void add_network_acl_operations(OperationTable& table) {
  table.add<operations::DescribeNetworkAcls>(describe_network_acls, OperationKind::kRead);
}

}  // namespace enid::api::ec2
