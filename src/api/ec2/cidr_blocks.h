// CIDR blocks in the requests that make VPCs and subnets.
//
// Documented: VPC User Guide, "VPC CIDR blocks": between /16 and /28; bits behind the length are
// cleared ("100.68.0.18/18 becomes 100.68.0.0/18").
#pragma once

#include <string>

#include "base/ip_address.h"
#include "base/result.h"

namespace enid::api::ec2 {

Result<Ipv4Prefix> parse_vpc_cidr_block(const std::string& text);
Result<Ipv4Prefix> parse_subnet_cidr_block(const std::string& text);

}  // namespace enid::api::ec2
