// A network interface as DescribeNetworkInterfaces and DescribeInstances tell it.
#pragma once

#include <string>
#include <vector>

#include "api/generated/ec2_types.h"
#include "control/transaction.h"

namespace enid::api::ec2 {

std::string_view attachment_status(control::AttachmentStatus status);
std::string_view interface_status(const control::NetworkInterfaceRecord& interface);
// "ip-10-0-0-5.ec2.internal"
std::string private_dns_name(const std::string& region, Ipv4Address address);
std::vector<GroupIdentifier> group_identifiers(const control::RegionModel& region,
                                               const std::vector<SecurityGroupId>& groups);

NetworkInterface describe(const std::string& account, const control::RegionModel& region,
                          const control::NetworkInterfaceRecord& interface);
InstanceNetworkInterface describe_in_instance(const std::string& account, const control::RegionModel& region,
                                              const control::NetworkInterfaceRecord& interface);

}  // namespace enid::api::ec2
