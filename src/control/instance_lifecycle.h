// The states of an instance, as the runtime's outcomes move them.
//
//   pending -> running -> stopping -> stopped -> pending …
//      any but terminated -> shutting-down -> terminated -> forgotten after an hour
//
// Documented: EC2 User Guide, "Instance lifecycle". A terminated instance stays visible "for a
// short while (usually less than an hour)".
#pragma once

#include <optional>

#include "base/result.h"
#include "control/instance_runtime.h"
#include "control/transaction.h"

namespace enid::control {

// Writes what the runtime did into the records.
void record_outcome(Transaction& transaction, const RuntimeAction& action, const std::optional<Error>& error);
// The instance ended by itself: it stops or terminates, as its attribute says.
void record_power_off(Transaction& transaction, const InstanceId& instance);

// Its host will not come back: what it ran is stopped, or terminated if that was under way, and all disks
// there are lost.
void lose_instances_on(Transaction& transaction, const HostId& host);

// What must be done about an instance when the daemon starts, or its host is there again.
void resume_instance(Transaction& transaction, const InstanceRecord& instance, RunState state);
void forget_terminated_instances(Transaction& transaction);
void forget_client_tokens(Transaction& transaction);

void set_state(Transaction& transaction, InstanceRecord& instance, InstanceState state);
// Frees its interfaces: deletes those with DeleteOnTermination, detaches the others.
void release_interfaces(Transaction& transaction, const InstanceId& instance);

}  // namespace enid::control
