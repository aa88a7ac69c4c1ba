// Making a VPC and its subnets, with all that they are born with.
#pragma once

#include "control/transaction.h"

namespace enid::control {

struct NewVpc {
  Ipv4Prefix cidr_block;
  bool is_default = false;
  std::string instance_tenancy = "default";
  Tags tags;
};

// The VPC, its main route table, its default network ACL and its default security group.
VpcId create_vpc(Transaction& transaction, const NewVpc& what);
// Gives a number to those of earlier versions, which have none.
void number_vpcs(Transaction& transaction);

struct NewSubnet {
  VpcId vpc;
  Ipv4Prefix cidr_block;
  std::string availability_zone;
  std::string availability_zone_id;
  bool default_for_az = false;
  Tags tags;
};

SubnetId create_subnet(Transaction& transaction, const NewSubnet& what);

// A rule that allows everything; `peer` says from or to whom.
SecurityGroupRule allow_all(Transaction& transaction, bool is_egress, SecurityGroupRule::Peer peer);

const NetworkAclRecord* default_network_acl(const RegionModel& region, const VpcId& vpc);
const VpcRecord* default_vpc(const RegionModel& region);

}  // namespace enid::control
