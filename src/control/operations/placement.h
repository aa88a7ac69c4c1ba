// On which host an instance runs: vpc/placement.h over the model, and what EC2 says when there is none.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "control/transaction.h"

namespace enid::control {

// Its placement group exists and may have such an instance; the partition and the host that it asks for
// exist.
Result<void> check_placement(const Transaction& transaction, const InstanceRecord& instance);

// Gives the instance a host that has room for this many interfaces, and a partition if its group has some. It
// prefers the host where its files are; on another one they are made anew, and what it left is discarded.
// Refused: no capacity. The record is the caller's to put.
Result<void> place_instance(Transaction& transaction, InstanceRecord& instance, std::size_t interfaces);

// The instances of a placement group that are on a host, or about to be.
std::vector<const InstanceRecord*> members_of(const RegionModel& region, const std::string& placement_group);

// Records of earlier versions name no host: theirs was this one.
void assign_host(Transaction& transaction, const HostId& host);

}  // namespace enid::control
