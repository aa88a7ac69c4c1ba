// VPCs: create, describe, delete, their attributes and their further CIDR blocks.
//
// Documented: VPC User Guide, "VPC CIDR blocks", "Amazon VPC quotas"; EC2 API Reference.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/cidr_blocks.h"
#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"
#include "control/bootstrap.h"
#include "control/operations/vpcs.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using control::Transaction;
using control::VpcRecord;
using vpc::ec2_failure;

// Chosen: AWS begins at 5 and raises it to hundreds on request; a lab should not have to ask.
constexpr std::size_t kVpcsMax = 100;
constexpr std::size_t kCidrBlocksPerVpcMax = 5;

VpcCidrBlockAssociation describe(const control::CidrAssociation& association,
                                 std::string_view state = "associated") {
  VpcCidrBlockAssociation shape;
  shape.association_id = association.id.text();
  shape.cidr_block = association.cidr_block.text();
  shape.cidr_block_state = VpcCidrBlockState{.state = std::string(state)};
  return shape;
}

Vpc describe(const std::string& account, const VpcRecord& vpc) {
  Vpc shape;
  shape.owner_id = account;
  shape.instance_tenancy = vpc.instance_tenancy;
  for (const auto& block : vpc.cidr_blocks) shape.cidr_block_association_set.push_back(describe(block));
  shape.is_default = vpc.is_default;
  shape.tags = to_tag_list(vpc.tags);
  shape.block_public_access_states = BlockPublicAccessStates{.internet_gateway_block_mode = "off"};
  shape.vpc_id = vpc.id.text();
  shape.state = "available";
  shape.cidr_block = vpc.cidr_blocks.front().cidr_block.text();
  shape.dhcp_options_id = vpc.dhcp_options.text();
  return shape;
}

void filter_values(const std::string& account, const VpcRecord& vpc, std::string_view name,
                   FilterValues& values) {
  if (name == "cidr") values.add(vpc.cidr_blocks.front().cidr_block.text());
  for (const auto& block : vpc.cidr_blocks) {
    if (name == "cidr-block-association.association-id") values.add(block.id.text());
    if (name == "cidr-block-association.cidr-block") values.add(block.cidr_block.text());
    if (name == "cidr-block-association.state") values.add("associated");
  }
  if (name == "dhcp-options-id") values.add(vpc.dhcp_options.text());
  if (name == "is-default" || name == "isDefault") values.add(vpc.is_default);
  if (name == "owner-id") values.add(account);
  if (name == "state") values.add("available");
  if (name == "vpc-id") values.add(vpc.id.text());
}

Result<void> check_vpc_limit(const Transaction& transaction) {
  if (transaction.table<VpcRecord>().size() < kVpcsMax) return {};
  return ec2_failure("VpcLimitExceeded", "The maximum number of VPCs has been reached.");
}

Result<CreateVpcResult> create_vpc(CallContext& context, const CreateVpcRequest& request) {
  if (request.ipv4_ipam_pool_id || request.ipv4_netmask_length)
    return ec2_failure("UnsupportedOperation", "IPAM pools are not available.");
  if (request.amazon_provided_ipv6_cidr_block.value_or(false) || request.ipv6_cidr_block ||
      request.ipv6_pool || request.ipv6_ipam_pool_id)
    return ec2_failure("UnsupportedOperation", "IPv6 CIDR blocks of VPCs are not available.");
  if (!request.cidr_block)
    return ec2_failure("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' must be provided.");
  control::NewVpc what;
  what.cidr_block = TRY(parse_vpc_cidr_block(*request.cidr_block));
  what.instance_tenancy = request.instance_tenancy.value_or("default");
  if (what.instance_tenancy != "default" && what.instance_tenancy != "dedicated")
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("Value ({}) for parameter instanceTenancy is invalid.", what.instance_tenancy));
  what.tags = TRY(tags_for("vpc", request.tag_specifications));
  TRY(check_vpc_limit(context.transaction));
  const VpcId id = control::create_vpc(context.transaction, what);
  Vpc shape = describe(context.account_id, *context.transaction.find<VpcRecord>(id));
  shape.state = "pending";  // Chosen: after EC2; Terraform waits for either.
  return CreateVpcResult{.vpc = std::move(shape)};
}

Result<CreateDefaultVpcResult> create_default_vpc(CallContext& context, const CreateDefaultVpcRequest&) {
  if (control::default_vpc(context.transaction.region()) != nullptr)
    return ec2_failure("DefaultVpcAlreadyExists",
                       "A Default VPC already exists for this account in this region.");
  TRY(check_vpc_limit(context.transaction));
  control::make_default_network(context.transaction);
  Vpc shape = describe(context.account_id, *control::default_vpc(context.transaction.region()));
  shape.state = "pending";
  return CreateDefaultVpcResult{.vpc = std::move(shape)};
}

// The records of one kind that belong to the VPC.
template <class Record>
std::vector<const Record*> all_of(const Transaction& transaction, const VpcId& vpc) {
  std::vector<const Record*> found;
  for (const auto& [id, record] : transaction.table<Record>())
    if (record.vpc == vpc) found.push_back(&record);
  return found;
}

template <class Record>
void erase_all_of(Transaction& transaction, const VpcId& vpc) {
  std::vector<typename Record::Id> ids;
  for (const Record* record : all_of<Record>(transaction, vpc)) ids.push_back(record->id);
  for (const auto& id : ids) transaction.erase<Record>(id);
}

// A VPC takes with it what it was born with; anything else holds it.
bool has_dependencies(const Transaction& transaction, const VpcId& vpc) {
  using namespace control;
  if (!transaction.region().subnets_of(vpc).empty()) return true;
  return std::ranges::any_of(all_of<SecurityGroupRecord>(transaction, vpc),
                             [](const auto* group) { return group->name != "default"; }) ||
         std::ranges::any_of(all_of<RouteTableRecord>(transaction, vpc),
                             [](const auto* table) { return table->main_association.empty(); }) ||
         std::ranges::any_of(all_of<NetworkAclRecord>(transaction, vpc),
                             [](const auto* acl) { return !acl->is_default; });
}

Result<operations::DeleteVpc::Result> delete_vpc(CallContext& context, const DeleteVpcRequest& request) {
  Transaction& transaction = context.transaction;
  const auto id = TRY(parse_id<VpcId>(request.vpc_id));
  TRY(find_record<VpcRecord>(transaction, id));
  if (has_dependencies(transaction, id))
    return ec2_failure("DependencyViolation",
                       fmt::format("The vpc '{}' has dependencies and cannot be deleted.", id.text()));
  erase_all_of<control::SecurityGroupRecord>(transaction, id);
  erase_all_of<control::RouteTableRecord>(transaction, id);
  erase_all_of<control::NetworkAclRecord>(transaction, id);
  transaction.erase<VpcRecord>(id);
  return {};
}

Result<DescribeVpcsResult> describe_vpcs(CallContext& context, const DescribeVpcsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeVpcs", request.filters));
  std::vector<Vpc> found;
  TRY(for_each_record<VpcRecord>(context.transaction, request.vpc_ids, [&](const VpcRecord& vpc) {
    const auto values = [&](std::string_view name, FilterValues& to) {
      filter_values(context.account_id, vpc, name, to);
    };
    if (filters.match(values, vpc.tags)) found.push_back(describe(context.account_id, vpc));
  }));
  auto page = TRY(paginate(std::move(found), &Vpc::vpc_id, request));
  return DescribeVpcsResult{.next_token = std::move(page.next_token), .vpcs = std::move(page.items)};
}

Result<DescribeVpcAttributeResult> describe_vpc_attribute(CallContext& context,
                                                          const DescribeVpcAttributeRequest& request) {
  const auto id = TRY(parse_id<VpcId>(request.vpc_id));
  const VpcRecord& vpc = *TRY(find_record<VpcRecord>(context.transaction, id));
  const std::string attribute = request.attribute.value_or("");
  DescribeVpcAttributeResult result;
  result.vpc_id = id.text();
  if (attribute == "enableDnsSupport") {
    result.enable_dns_support = AttributeBooleanValue{.value = vpc.enable_dns_support};
  } else if (attribute == "enableDnsHostnames") {
    result.enable_dns_hostnames = AttributeBooleanValue{.value = vpc.enable_dns_hostnames};
  } else if (attribute == "enableNetworkAddressUsageMetrics") {
    result.enable_network_address_usage_metrics =
        AttributeBooleanValue{.value = vpc.enable_network_address_usage_metrics};
  } else {
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("Value ({}) for parameter attribute is invalid. Unknown attribute.", attribute));
  }
  return result;
}

Result<operations::ModifyVpcAttribute::Result> modify_vpc_attribute(
    CallContext& context, const ModifyVpcAttributeRequest& request) {
  const auto id = TRY(parse_id<VpcId>(request.vpc_id));
  VpcRecord vpc = *TRY(find_record<VpcRecord>(context.transaction, id));
  // Documented: EC2 API Reference, ModifyVpcAttribute: one attribute at a time.
  const int attributes = (request.enable_dns_support ? 1 : 0) + (request.enable_dns_hostnames ? 1 : 0) +
                         (request.enable_network_address_usage_metrics ? 1 : 0);
  if (attributes == 0) return ec2_failure("InvalidParameterCombination", "No attributes specified.");
  if (attributes > 1)
    return ec2_failure("InvalidParameterCombination", "Fields for multiple attribute types specified.");
  const auto set = [](bool& to, const std::optional<AttributeBooleanValue>& value) {
    if (value) to = value->value.value_or(false);
  };
  set(vpc.enable_dns_support, request.enable_dns_support);
  set(vpc.enable_dns_hostnames, request.enable_dns_hostnames);
  set(vpc.enable_network_address_usage_metrics, request.enable_network_address_usage_metrics);
  context.transaction.put(std::move(vpc));
  return {};
}

Result<AssociateVpcCidrBlockResult> associate_vpc_cidr_block(CallContext& context,
                                                             const AssociateVpcCidrBlockRequest& request) {
  const auto id = TRY(parse_id<VpcId>(request.vpc_id));
  VpcRecord vpc = *TRY(find_record<VpcRecord>(context.transaction, id));
  if (!request.cidr_block)
    return ec2_failure("UnsupportedOperation",
                       "Only IPv4 CIDR blocks named in the request can be associated.");
  const Ipv4Prefix block = TRY(parse_vpc_cidr_block(*request.cidr_block));
  if (std::ranges::any_of(vpc.cidr_blocks,
                          [&](const auto& other) { return other.cidr_block.overlaps(block); }))
    return ec2_failure(
        "InvalidVpc.Range",
        fmt::format("The CIDR '{}' conflicts with another CIDR block of the VPC", block.text()));
  if (vpc.cidr_blocks.size() >= kCidrBlocksPerVpcMax)
    return ec2_failure("CidrLimitExceeded",
                       fmt::format("This network '{}' has met its maximum number of allowed CIDRs: {}",
                                   id.text(), kCidrBlocksPerVpcMax));
  vpc.cidr_blocks.push_back({context.transaction.make_id<VpcCidrAssociationId>(), block});
  AssociateVpcCidrBlockResult result;
  result.cidr_block_association = describe(vpc.cidr_blocks.back(), "associating");
  result.vpc_id = id.text();
  context.transaction.put(std::move(vpc));
  return result;
}

// The VPC that has the association; null: none.
const VpcRecord* vpc_with(const Transaction& transaction, const VpcCidrAssociationId& association) {
  for (const auto& [id, vpc] : transaction.table<VpcRecord>())
    for (const auto& block : vpc.cidr_blocks)
      if (block.id == association) return &vpc;
  return nullptr;
}

Result<DisassociateVpcCidrBlockResult> disassociate_vpc_cidr_block(
    CallContext& context, const DisassociateVpcCidrBlockRequest& request) {
  Transaction& transaction = context.transaction;
  const auto association = TRY(parse_id<VpcCidrAssociationId>(request.association_id));
  const VpcRecord* found = vpc_with(transaction, association);
  if (found == nullptr) return std::unexpected(id_not_found("vpc-cidr-assoc", association.text()));
  VpcRecord vpc = *found;
  const auto block = std::ranges::find(vpc.cidr_blocks, association, &control::CidrAssociation::id);
  if (block == vpc.cidr_blocks.begin())
    return ec2_failure("OperationNotPermitted",
                       fmt::format("The vpc CIDR block with association ID {} may not be disassociated. "
                                   "It is the primary IPv4 CIDR block of the VPC",
                                   association.text()));
  for (const SubnetId& subnet : transaction.region().subnets_of(vpc.id))
    if (block->cidr_block.contains(transaction.find<control::SubnetRecord>(subnet)->cidr_block))
      return ec2_failure("DependencyViolation",
                         fmt::format("The vpc CIDR block with association ID {} has dependencies "
                                     "and cannot be disassociated.",
                                     association.text()));
  DisassociateVpcCidrBlockResult result;
  result.cidr_block_association = describe(*block, "disassociating");
  result.vpc_id = vpc.id.text();
  vpc.cidr_blocks.erase(block);
  transaction.put(std::move(vpc));
  return result;
}

}  // namespace

void add_vpc_operations(OperationTable& table) {
  table.add<operations::CreateVpc>(create_vpc, OperationKind::kChange);
  table.add<operations::CreateDefaultVpc>(create_default_vpc, OperationKind::kChange);
  table.add<operations::DeleteVpc>(delete_vpc, OperationKind::kChange);
  table.add<operations::DescribeVpcs>(describe_vpcs, OperationKind::kRead);
  table.add<operations::DescribeVpcAttribute>(describe_vpc_attribute, OperationKind::kRead);
  table.add<operations::ModifyVpcAttribute>(modify_vpc_attribute, OperationKind::kChange);
  table.add<operations::AssociateVpcCidrBlock>(associate_vpc_cidr_block, OperationKind::kChange);
  table.add<operations::DisassociateVpcCidrBlock>(disassociate_vpc_cidr_block, OperationKind::kChange);
}

}  // namespace enid::api::ec2
