// Subnets: create, describe, delete, and their attributes.
//
// Documented: VPC User Guide, "Subnet CIDR blocks", "Amazon VPC quotas"; EC2 API Reference.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/arn.h"
#include "api/ec2/cidr_blocks.h"
#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"
#include "base/check.h"
#include "control/operations/vpcs.h"
#include "vpc/ec2_error.h"
#include "vpc/free_address.h"
#include "vpc/regions.h"

namespace enid::api::ec2 {
namespace {

using control::RegionModel;
using control::SubnetRecord;
using control::Transaction;
using control::VpcRecord;
using vpc::ec2_failure;

constexpr std::size_t kSubnetsPerVpcMax = 200;
constexpr std::uint8_t kDefaultSubnetLength = 20;

std::int32_t available_addresses(const RegionModel& region, const SubnetRecord& subnet) {
  return static_cast<std::int32_t>(subnet.cidr_block.size() - vpc::kReservedAddresses -
                                   region.addresses_taken(subnet.id));
}

std::string subnet_arn(const CallContext& context, const SubnetRecord& subnet) {
  return ec2_arn(context.region, context.account_id, "subnet", subnet.id.text());
}

Subnet describe(const CallContext& context, const SubnetRecord& subnet) {
  PrivateDnsNameOptionsOnLaunch names;
  names.hostname_type = subnet.hostname_type;
  names.enable_resource_name_dns_a_record = subnet.enable_resource_name_dns_a_record;
  names.enable_resource_name_dns_aaaa_record = subnet.enable_resource_name_dns_aaaa_record;

  Subnet shape;
  shape.availability_zone_id = subnet.availability_zone_id;
  shape.map_customer_owned_ip_on_launch = false;
  shape.owner_id = context.account_id;
  shape.assign_ipv6_address_on_creation = subnet.assign_ipv6_address_on_creation;
  shape.tags = to_tag_list(subnet.tags);
  shape.subnet_arn = subnet_arn(context, subnet);
  shape.enable_dns64 = subnet.enable_dns64;
  shape.ipv6_native = false;
  shape.private_dns_name_options_on_launch = std::move(names);
  shape.block_public_access_states = BlockPublicAccessStates{.internet_gateway_block_mode = "off"};
  shape.subnet_id = subnet.id.text();
  shape.state = "available";
  shape.vpc_id = subnet.vpc.text();
  shape.cidr_block = subnet.cidr_block.text();
  shape.available_ip_address_count = available_addresses(context.transaction.region(), subnet);
  shape.availability_zone = subnet.availability_zone;
  shape.default_for_az = subnet.default_for_az;
  shape.map_public_ip_on_launch = subnet.map_public_ip_on_launch;
  return shape;
}

void filter_values(const CallContext& context, const SubnetRecord& subnet, std::string_view name,
                   FilterValues& values) {
  if (name == "availability-zone" || name == "availabilityZone") values.add(subnet.availability_zone);
  if (name == "availability-zone-id" || name == "availabilityZoneId") values.add(subnet.availability_zone_id);
  if (name == "available-ip-address-count")
    values.add(available_addresses(context.transaction.region(), subnet));
  if (name == "cidr-block" || name == "cidr" || name == "cidrBlock") values.add(subnet.cidr_block.text());
  if (name == "default-for-az" || name == "defaultForAz") values.add(subnet.default_for_az);
  if (name == "enable-dns64") values.add(subnet.enable_dns64);
  if (name == "ipv6-native") values.add(false);
  if (name == "map-customer-owned-ip-on-launch") values.add(false);
  if (name == "map-public-ip-on-launch") values.add(subnet.map_public_ip_on_launch);
  if (name == "owner-id") values.add(context.account_id);
  if (name == "private-dns-name-options-on-launch.enable-resource-name-dns-a-record")
    values.add(subnet.enable_resource_name_dns_a_record);
  if (name == "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record")
    values.add(subnet.enable_resource_name_dns_aaaa_record);
  if (name == "private-dns-name-options-on-launch.hostname-type") values.add(subnet.hostname_type);
  if (name == "state") values.add("available");
  if (name == "subnet-arn") values.add(subnet_arn(context, subnet));
  if (name == "subnet-id") values.add(subnet.id.text());
  if (name == "vpc-id") values.add(subnet.vpc.text());
}

std::unexpected<Error> zone_failure(const vpc::Region& region, std::string_view parameter,
                                    std::string_view value) {
  std::vector<std::string_view> names;
  for (const auto& zone : region.availability_zones)
    names.push_back(parameter == "availabilityZone" ? zone.name : zone.id);
  return ec2_failure("InvalidParameterValue",
                     fmt::format("Value ({}) for parameter {} is invalid. Subnets can currently only be "
                                 "created in the following availability zones: {}.",
                                 value, parameter, fmt::join(names, ", ")));
}

// The zone that the request names, or the Region's first.
Result<vpc::AvailabilityZone> availability_zone(const std::string& region_name,
                                                const std::optional<std::string>& name,
                                                const std::optional<std::string>& id) {
  const vpc::Region* region = vpc::find_region(region_name);
  CHECK(region != nullptr && !region->availability_zones.empty());
  if (name && id)
    return ec2_failure("InvalidParameterCombination",
                       "The parameters availabilityZone and availabilityZoneId cannot be used together.");
  if (!name && !id) return region->availability_zones.front();
  for (const auto& zone : region->availability_zones)
    if (name ? zone.name == *name : zone.id == *id) return zone;
  return name ? zone_failure(*region, "availabilityZone", *name)
              : zone_failure(*region, "availabilityZoneId", *id);
}

bool conflicts(const Transaction& transaction, const VpcId& vpc, const Ipv4Prefix& block) {
  return std::ranges::any_of(transaction.region().subnets_of(vpc), [&](const SubnetId& id) {
    return transaction.find<SubnetRecord>(id)->cidr_block.overlaps(block);
  });
}

Result<void> check_subnet_limit(const Transaction& transaction, const VpcId& vpc) {
  if (transaction.region().subnets_of(vpc).size() < kSubnetsPerVpcMax) return {};
  return ec2_failure("SubnetLimitExceeded", "The maximum number of subnets has been reached.");
}

Result<CreateSubnetResult> create_subnet(CallContext& context, const CreateSubnetRequest& request) {
  Transaction& transaction = context.transaction;
  if (request.ipv4_ipam_pool_id || request.ipv4_netmask_length)
    return ec2_failure("UnsupportedOperation", "IPAM pools are not available.");
  if (request.ipv6_cidr_block || request.ipv6_native.value_or(false) || request.ipv6_ipam_pool_id)
    return ec2_failure("UnsupportedOperation", "IPv6 CIDR blocks of subnets are not available.");
  if (request.outpost_arn) return ec2_failure("UnsupportedOperation", "Outposts are not available.");
  control::NewSubnet what;
  what.vpc = TRY(parse_id<VpcId>(request.vpc_id));
  const VpcRecord& vpc = *TRY(find_record<VpcRecord>(transaction, what.vpc));
  if (!request.cidr_block)
    return ec2_failure("MissingParameter", "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided.");
  what.cidr_block = TRY(parse_subnet_cidr_block(*request.cidr_block));
  if (std::ranges::none_of(vpc.cidr_blocks,
                           [&](const auto& block) { return block.cidr_block.contains(what.cidr_block); }))
    return ec2_failure("InvalidSubnet.Range", fmt::format("The CIDR '{}' is invalid.", *request.cidr_block));
  const auto zone =
      TRY(availability_zone(context.region, request.availability_zone, request.availability_zone_id));
  what.availability_zone = zone.name;
  what.availability_zone_id = zone.id;
  if (conflicts(transaction, what.vpc, what.cidr_block))
    return ec2_failure("InvalidSubnet.Conflict",
                       fmt::format("The CIDR '{}' conflicts with another subnet", what.cidr_block.text()));
  TRY(check_subnet_limit(transaction, what.vpc));
  what.tags = TRY(tags_for("subnet", request.tag_specifications));
  const SubnetId id = control::create_subnet(transaction, what);
  return CreateSubnetResult{.subnet = describe(context, *transaction.find<SubnetRecord>(id))};
}

// The first block of that length in the VPC that no subnet touches.
std::optional<Ipv4Prefix> free_block(const Transaction& transaction, const VpcRecord& vpc,
                                     std::uint8_t length) {
  for (const auto& [id, block] : vpc.cidr_blocks) {
    const std::uint64_t size = std::uint64_t{1} << (32 - length);
    for (std::uint64_t start = 0; start + size <= block.size(); start += size) {
      const Ipv4Prefix candidate{block.at(start), length};
      if (!conflicts(transaction, vpc.id, candidate)) return candidate;
    }
  }
  return std::nullopt;
}

Result<CreateDefaultSubnetResult> create_default_subnet(CallContext& context,
                                                        const CreateDefaultSubnetRequest& request) {
  Transaction& transaction = context.transaction;
  if (request.ipv6_native.value_or(false))
    return ec2_failure("UnsupportedOperation", "IPv6 CIDR blocks of subnets are not available.");
  if (!request.availability_zone && !request.availability_zone_id)
    return ec2_failure("MissingParameter", "The request must contain the parameter availabilityZone");
  const VpcRecord* vpc = control::default_vpc(transaction.region());
  if (vpc == nullptr)
    return ec2_failure("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.");
  const auto zone =
      TRY(availability_zone(context.region, request.availability_zone, request.availability_zone_id));
  for (const SubnetId& id : transaction.region().subnets_of(vpc->id)) {
    const SubnetRecord& subnet = *transaction.find<SubnetRecord>(id);
    if (subnet.default_for_az && subnet.availability_zone == zone.name)
      return ec2_failure("DefaultSubnetAlreadyExistsInAvailabilityZone",
                         fmt::format("'{}' is already the default subnet in {}.", id.text(), zone.name));
  }
  TRY(check_subnet_limit(transaction, vpc->id));
  const auto block = free_block(transaction, *vpc, kDefaultSubnetLength);
  if (!block)
    return ec2_failure("InsufficientCidrBlocks",
                       fmt::format("The default VPC has no free /{} CIDR block.", kDefaultSubnetLength));
  const SubnetId id = control::create_subnet(transaction, {.vpc = vpc->id,
                                                           .cidr_block = *block,
                                                           .availability_zone = std::string(zone.name),
                                                           .availability_zone_id = std::string(zone.id),
                                                           .default_for_az = true,
                                                           .tags = {}});
  return CreateDefaultSubnetResult{.subnet = describe(context, *transaction.find<SubnetRecord>(id))};
}

Result<operations::DeleteSubnet::Result> delete_subnet(CallContext& context,
                                                       const DeleteSubnetRequest& request) {
  const auto id = TRY(parse_id<SubnetId>(request.subnet_id));
  TRY(find_record<SubnetRecord>(context.transaction, id));
  if (!context.transaction.region().interfaces_in(id).empty())
    return ec2_failure("DependencyViolation",
                       fmt::format("The subnet '{}' has dependencies and cannot be deleted.", id.text()));
  context.transaction.erase<SubnetRecord>(id);
  return {};
}

Result<DescribeSubnetsResult> describe_subnets(CallContext& context, const DescribeSubnetsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeSubnets", request.filters));
  std::vector<Subnet> found;
  TRY(for_each_record<SubnetRecord>(context.transaction, request.subnet_ids, [&](const SubnetRecord& subnet) {
    const auto values = [&](std::string_view name, FilterValues& to) {
      filter_values(context, subnet, name, to);
    };
    if (filters.match(values, subnet.tags)) found.push_back(describe(context, subnet));
  }));
  auto page = TRY(paginate(std::move(found), &Subnet::subnet_id, request));
  return DescribeSubnetsResult{.next_token = std::move(page.next_token), .subnets = std::move(page.items)};
}

Result<operations::ModifySubnetAttribute::Result> modify_subnet_attribute(
    CallContext& context, const ModifySubnetAttributeRequest& request) {
  const auto id = TRY(parse_id<SubnetId>(request.subnet_id));
  SubnetRecord subnet = *TRY(find_record<SubnetRecord>(context.transaction, id));
  if (request.map_customer_owned_ip_on_launch || request.customer_owned_ipv4_pool ||
      request.enable_lni_at_device_index || request.disable_lni_at_device_index)
    return ec2_failure("UnsupportedOperation", "Outposts are not available.");
  int attributes = 0;
  const auto set = [&](bool& to, const std::optional<AttributeBooleanValue>& value) {
    if (!value) return;
    to = value->value.value_or(false);
    ++attributes;
  };
  set(subnet.assign_ipv6_address_on_creation, request.assign_ipv6_address_on_creation);
  set(subnet.map_public_ip_on_launch, request.map_public_ip_on_launch);
  set(subnet.enable_dns64, request.enable_dns64);
  set(subnet.enable_resource_name_dns_a_record, request.enable_resource_name_dns_a_record_on_launch);
  set(subnet.enable_resource_name_dns_aaaa_record, request.enable_resource_name_dns_aaaa_record_on_launch);
  if (request.private_dns_hostname_type_on_launch) {
    subnet.hostname_type = *request.private_dns_hostname_type_on_launch;
    ++attributes;
  }
  // Documented: EC2 API Reference, ModifySubnetAttribute: one attribute at a time.
  if (attributes == 0) return ec2_failure("InvalidParameterCombination", "No attributes specified.");
  if (attributes > 1)
    return ec2_failure("InvalidParameterCombination", "Fields for multiple attribute types specified.");
  if (subnet.assign_ipv6_address_on_creation)
    return ec2_failure("InvalidParameterValue",
                       fmt::format("The subnet '{}' does not have an IPv6 CIDR block.", id.text()));
  context.transaction.put(std::move(subnet));
  return {};
}

}  // namespace

void add_subnet_operations(OperationTable& table) {
  table.add<operations::CreateSubnet>(create_subnet, OperationKind::kChange);
  table.add<operations::CreateDefaultSubnet>(create_default_subnet, OperationKind::kChange);
  table.add<operations::DeleteSubnet>(delete_subnet, OperationKind::kChange);
  table.add<operations::DescribeSubnets>(describe_subnets, OperationKind::kRead);
  table.add<operations::ModifySubnetAttribute>(modify_subnet_attribute, OperationKind::kChange);
}

}  // namespace enid::api::ec2
