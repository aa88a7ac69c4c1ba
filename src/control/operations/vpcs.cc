#include "control/operations/vpcs.h"

#include "base/check.h"

namespace enid::control {
namespace {

constexpr Ipv4Prefix kEverywhere{};

DhcpOptionsId dhcp_options(Transaction& transaction) {
  const auto& table = transaction.table<DhcpOptionsRecord>();
  if (!table.empty()) return table.begin()->first;
  const DhcpOptionsRecord options{.id = transaction.make_id<DhcpOptionsId>(), .tags = {}};
  transaction.put(options);
  return options.id;
}

// Random, so that numbers of Regions, and of control planes that share an underlay, seldom meet.
std::int32_t new_vni(Transaction& transaction) {
  std::int32_t vni = 0;
  do {
    vni = 1 + static_cast<std::int32_t>(transaction.random().below(kVniMax));
  } while (transaction.region().vni_in_use(vni));
  return vni;
}

}  // namespace

SecurityGroupRule allow_all(Transaction& transaction, bool is_egress, SecurityGroupRule::Peer peer) {
  SecurityGroupRule rule;
  rule.id = transaction.make_id<SecurityGroupRuleId>();
  rule.is_egress = is_egress;
  rule.peer = std::move(peer);
  return rule;
}

void number_vpcs(Transaction& transaction) {
  std::vector<VpcRecord> without;
  for (const auto& [id, vpc] : transaction.table<VpcRecord>())
    if (vpc.vni == 0) without.push_back(vpc);
  for (VpcRecord& vpc : without) {
    vpc.vni = new_vni(transaction);
    transaction.put(std::move(vpc));
  }
}

VpcId create_vpc(Transaction& transaction, const NewVpc& what) {
  VpcRecord vpc;
  vpc.id = transaction.make_id<VpcId>();
  vpc.cidr_blocks.push_back({transaction.make_id<VpcCidrAssociationId>(), what.cidr_block});
  vpc.is_default = what.is_default;
  vpc.instance_tenancy = what.instance_tenancy;
  vpc.dhcp_options = dhcp_options(transaction);
  // Documented: VPC User Guide, "DNS attributes": hostnames are on in default VPCs only.
  vpc.enable_dns_hostnames = what.is_default;
  vpc.vni = new_vni(transaction);
  vpc.tags = what.tags;
  transaction.put(vpc);

  RouteTableRecord routes;
  routes.id = transaction.make_id<RouteTableId>();
  routes.vpc = vpc.id;
  routes.main_association = transaction.make_id<RouteTableAssociationId>();
  transaction.put(routes);

  NetworkAclRecord acl;
  acl.id = transaction.make_id<NetworkAclId>();
  acl.vpc = vpc.id;
  transaction.put(acl);

  SecurityGroupRecord group;
  group.id = transaction.make_id<SecurityGroupId>();
  group.vpc = vpc.id;
  group.name = "default";
  group.description = "default VPC security group";
  group.rules.push_back(allow_all(transaction, false, group.id));
  group.rules.push_back(allow_all(transaction, true, kEverywhere));
  transaction.put(group);
  return vpc.id;
}

SubnetId create_subnet(Transaction& transaction, const NewSubnet& what) {
  SubnetRecord subnet;
  subnet.id = transaction.make_id<SubnetId>();
  subnet.vpc = what.vpc;
  subnet.cidr_block = what.cidr_block;
  subnet.availability_zone = what.availability_zone;
  subnet.availability_zone_id = what.availability_zone_id;
  subnet.default_for_az = what.default_for_az;
  subnet.map_public_ip_on_launch = what.default_for_az;
  const NetworkAclRecord* acl = default_network_acl(transaction.region(), what.vpc);
  CHECK(acl != nullptr);
  subnet.network_acl = acl->id;
  subnet.network_acl_association = transaction.make_id<NetworkAclAssociationId>();
  subnet.tags = what.tags;
  const SubnetId id = subnet.id;
  transaction.put(std::move(subnet));
  return id;
}

const NetworkAclRecord* default_network_acl(const RegionModel& region, const VpcId& vpc) {
  for (const auto& [id, acl] : region.table<NetworkAclRecord>())
    if (acl.vpc == vpc && acl.is_default) return &acl;
  return nullptr;
}

const VpcRecord* default_vpc(const RegionModel& region) {
  for (const auto& [id, vpc] : region.table<VpcRecord>())
    if (vpc.is_default) return &vpc;
  return nullptr;
}

}  // namespace enid::control
