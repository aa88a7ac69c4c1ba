// An instance as DescribeInstances tells it.
#pragma once

#include "api/generated/ec2_types.h"
#include "control/operations/instances.h"

namespace enid::api::ec2 {

Instance describe(const std::string& account, const control::RegionModel& region,
                  const control::InstanceRecord& instance);
InstanceState describe(control::InstanceState state);
InstanceMetadataOptionsResponse describe(const control::MetadataOptionsRecord& options);
// Instances grouped by the reservation that launched them, in the given order.
std::vector<Reservation> describe_reservations(const std::string& account, const control::RegionModel& region,
                                               const std::vector<const control::InstanceRecord*>& instances);
// "User initiated (2026-11-21 09:30:00 GMT)", or empty.
std::string state_transition_reason(const control::InstanceRecord& instance);

constexpr const char* kRootDeviceName = "/dev/xvda";

}  // namespace enid::api::ec2
