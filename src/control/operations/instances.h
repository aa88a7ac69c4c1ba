// What calls do to instances.
//
// Sources: EC2 API Reference (RunInstances, StartInstances, StopInstances, TerminateInstances),
// EC2 User Guide, "Instance lifecycle".
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "control/operations/network_interfaces.h"

namespace enid::control {

// One entry of RunInstances' NetworkInterfaces: an interface that exists, or one to be made.
struct LaunchInterface {
  std::optional<NetworkInterfaceId> existing;
  NewNetworkInterface fresh;
  std::int32_t device_index = 0;
  std::int32_t network_card_index = 0;
  bool delete_on_termination = true;
  EnaSrdChange ena_srd = {};
};

struct NewInstances {
  std::int32_t min_count = 1;
  std::int32_t max_count = 1;
  InstanceRecord prototype;  // Everything that all of them share; ids and places are filled in.
  // Empty: one interface at index 0, in `subnet`.
  std::vector<LaunchInterface> interfaces;
};

Result<std::vector<InstanceId>> run_instances(Transaction& transaction, const NewInstances& what);

// The default subnet of the zone, or of any zone.
Result<SubnetId> default_subnet(const Transaction& transaction, const std::string& availability_zone);

struct StateChange {
  InstanceId instance;
  InstanceState previous;
  InstanceState current;
};

Result<std::vector<StateChange>> start_instances(Transaction& transaction,
                                                 const std::vector<InstanceId>& ids);
Result<std::vector<StateChange>> stop_instances(Transaction& transaction, const std::vector<InstanceId>& ids,
                                                bool force);
Result<void> reboot_instances(Transaction& transaction, const std::vector<InstanceId>& ids);
Result<std::vector<StateChange>> terminate_instances(Transaction& transaction,
                                                     const std::vector<InstanceId>& ids);

// EC2's name and number of a state: "running", 16.
std::string_view state_name(InstanceState state);
std::int32_t state_code(InstanceState state);

}  // namespace enid::control
