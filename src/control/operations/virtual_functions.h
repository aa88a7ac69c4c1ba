// Which virtual function of the host's network cards an attached interface holds (SR-IOV).
//
// Theory of operation
//   An interface holds one while its instance is on the host: from RunInstances, StartInstances or an attach
//   until the detach is done or the instance has stopped or is terminated. A stopped instance is on no host:
//   its attachments hold none, and StartInstances takes them again, perhaps others (Documented: EC2 User
//   Guide, "Stop and start your instance": in most cases it moves to a new host). A reboot, a crash of the
//   daemon and a moved address change nothing.
#pragma once

#include "control/transaction.h"

namespace enid::control {

// For another interface at this network card of the instance. Empty: the host has none left.
std::optional<VirtualFunction> free_virtual_function(const RegionModel& region, const InstanceId& instance,
                                                     std::int32_t network_card_index);
// One for each attached interface that has none and is not about to leave. False: the host has too few; what
// was taken goes back with the caller's transaction, or by release_virtual_functions().
[[nodiscard]] bool take_virtual_functions(Transaction& transaction, const InstanceId& instance);
void release_virtual_functions(Transaction& transaction, const InstanceId& instance);

}  // namespace enid::control
