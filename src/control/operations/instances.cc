#include "control/operations/instances.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/card_programs.h"
#include "control/instance_lifecycle.h"
#include "control/operations/placement.h"
#include "control/operations/virtual_functions.h"
#include "control/operations/vpcs.h"
#include "vpc/ec2_error.h"
#include "vpc/free_address.h"
#include "vpc/instance_types.h"

namespace enid::control {

using vpc::ec2_failure;

namespace {

// What EC2 writes into StateTransitionReason: "User initiated (2026-11-21 09:30:00 GMT)".
constexpr const char* kUserInitiated = "User initiated";
constexpr std::uint64_t kPrefixSize = std::uint64_t{1} << (32 - vpc::kDelegatedPrefixLength);

Result<std::vector<InstanceRecord>> find_all(const Transaction& transaction,
                                             const std::vector<InstanceId>& ids) {
  std::vector<InstanceRecord> found;
  std::vector<std::string> missing;
  for (const InstanceId& id : ids) {
    if (const InstanceRecord* instance = transaction.find<InstanceRecord>(id)) {
      found.push_back(*instance);
    } else {
      missing.push_back(id.text());
    }
  }
  if (missing.size() == 1)
    return ec2_failure("InvalidInstanceID.NotFound",
                       fmt::format("The instance ID '{}' does not exist", missing[0]));
  if (!missing.empty())
    return ec2_failure("InvalidInstanceID.NotFound",
                       fmt::format("The instance IDs '{}' do not exist", fmt::join(missing, ", ")));
  return found;
}

std::unexpected<Error> wrong_state(const InstanceRecord& instance, const char* verb) {
  return ec2_failure(
      "IncorrectInstanceState",
      fmt::format("The instance '{}' is not in a state from which it can be {}.", instance.id.text(), verb));
}

Result<void> check_interfaces(const NewInstances& what, const vpc::InstanceType& type) {
  if (what.interfaces.size() > static_cast<std::size_t>(type.max_enis))
    return ec2_failure("AttachmentLimitExceeded", fmt::format("Interface count {} exceeds the limit for {}",
                                                              what.interfaces.size(), type.name));
  bool primary = false;
  // Documented: EC2 API Reference, "Error codes": the code at launch differs from an interface's.
  for (const LaunchInterface& interface : what.interfaces)
    if (interface.fresh.groups.size() > kSecurityGroupsPerInterface)
      return ec2_failure("SecurityGroupsPerInstanceLimitExceeded",
                         "The maximum number of security groups per instance has been reached.");
  for (const LaunchInterface& interface : what.interfaces) {
    primary |= interface.device_index == 0 && interface.network_card_index == 0;
    if (interface.existing && what.max_count > 1)
      return ec2_failure("InvalidParameterCombination",
                         "A network interface that exists can be attached to one instance only.");
    const AddressRequest& secondary = interface.fresh.secondary;
    const std::size_t addresses =
        1 + secondary.addresses.size() + static_cast<std::size_t>(secondary.address_count) +
        secondary.prefixes.size() + static_cast<std::size_t>(secondary.prefix_count);
    if (!interface.existing && addresses > static_cast<std::size_t>(type.ipv4_per_eni))
      return ec2_failure("InvalidInterface.IpAddressLimitExceeded",
                         fmt::format("The number of IP addresses exceeds the limit for {}.", type.name));
    const bool named = interface.fresh.primary || !secondary.addresses.empty() || !secondary.prefixes.empty();
    if (!interface.existing && named && what.max_count > 1)
      return ec2_failure("InvalidParameterCombination",
                         "A private IP address can be given only when one instance is launched.");
  }
  if (!primary)
    return ec2_failure("InvalidParameterCombination",
                       "A primary network interface, at device index 0 of network card 0, is needed.");
  return {};
}

std::string zone_of_primary(const Transaction& transaction, const NewInstances& what) {
  for (const LaunchInterface& interface : what.interfaces) {
    if (interface.device_index != 0 || interface.network_card_index != 0) continue;
    if (interface.existing) {
      const auto* existing = transaction.find<NetworkInterfaceRecord>(*interface.existing);
      return existing == nullptr ? "" : existing->availability_zone;
    }
    const auto* subnet = transaction.find<SubnetRecord>(interface.fresh.subnet);
    return subnet == nullptr ? "" : subnet->availability_zone;
  }
  return "";
}

// As many as the subnets have addresses for, between min and max.
Result<std::int32_t> launch_count(const Transaction& transaction, const NewInstances& what) {
  std::map<SubnetId, std::uint64_t> needed;
  for (const LaunchInterface& interface : what.interfaces) {
    if (interface.existing) continue;
    const AddressRequest& secondary = interface.fresh.secondary;
    needed[interface.fresh.subnet] +=
        1 + secondary.addresses.size() + static_cast<std::uint64_t>(secondary.address_count) +
        kPrefixSize * (secondary.prefixes.size() + static_cast<std::uint64_t>(secondary.prefix_count));
  }
  std::uint64_t fit = static_cast<std::uint64_t>(what.max_count);
  for (const auto& [id, each] : needed) {
    const SubnetRecord* subnet = transaction.find<SubnetRecord>(id);
    if (subnet == nullptr)
      return ec2_failure("InvalidSubnetID.NotFound",
                         fmt::format("The subnet ID '{}' does not exist", id.text()));
    const std::uint64_t free =
        subnet->cidr_block.size() - vpc::kReservedAddresses - transaction.region().addresses_taken(id);
    fit = std::min(fit, free / each);
  }
  if (fit < static_cast<std::uint64_t>(what.min_count))
    return ec2_failure("InsufficientFreeAddressesInSubnet",
                       "The specified subnet does not have enough free addresses to satisfy the request.");
  return static_cast<std::int32_t>(fit);
}

// The instance must have a record before interfaces can be attached to it, and its place
// follows from its primary interface, so that one is made first.
Result<InstanceId> launch_one(Transaction& transaction, const NewInstances& what, std::int32_t index,
                              const ReservationId& reservation, InstanceRecord instance) {
  std::vector<NetworkInterfaceId> interfaces;
  instance.reservation = reservation;
  instance.root_volume = transaction.make_id<VolumeId>();
  instance.launch_index = index;
  instance.launch_time = transaction.now();
  set_state(transaction, instance, InstanceState::kPending);
  instance.state_reason_code = "pending";
  instance.state_reason_message = "pending";
  for (const LaunchInterface& interface : what.interfaces) {
    interfaces.push_back(interface.existing ? *interface.existing
                                            : TRY(create_network_interface(transaction, interface.fresh)));
    if (interface.device_index != 0 || interface.network_card_index != 0) continue;
    const NetworkInterfaceRecord* primary = TRY(find_network_interface(transaction, interfaces.back()));
    instance.vpc = primary->vpc;
    instance.subnet = primary->subnet;
    instance.availability_zone = primary->availability_zone;
    instance.private_address = primary->addresses.front();
    instance.private_dns_name =
        host_label(instance.private_address) + "." + private_dns_domain(transaction.region().name());
  }
  transaction.put(instance);
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    const LaunchInterface& interface = what.interfaces[i];
    TRY(attach_network_interface(transaction, {.interface = interfaces[i],
                                               .instance = instance.id,
                                               .device_index = interface.device_index,
                                               .network_card_index = interface.network_card_index,
                                               .delete_on_termination = interface.delete_on_termination,
                                               .ena_srd = interface.ena_srd,
                                               .at_launch = true}));
  }
  transaction.act({.kind = RuntimeActionKind::kStart, .instance = instance.id});
  return instance.id;
}

}  // namespace

Result<std::vector<InstanceId>> run_instances(Transaction& transaction, const NewInstances& what) {
  if (what.min_count < 1 || what.max_count < what.min_count)
    return ec2_failure("InvalidParameterValue",
                       "The value for 'MinCount' must be at least 1 and at most 'MaxCount'.");
  const vpc::InstanceType* type = vpc::find_instance_type(what.prototype.instance_type);
  if (type == nullptr)
    return ec2_failure("InvalidParameterValue",
                       fmt::format("Invalid value '{}' for InstanceType.", what.prototype.instance_type));
  if (!what.prototype.key_name.empty() &&
      transaction.region().key_pair_named(what.prototype.key_name) == nullptr)
    return ec2_failure("InvalidKeyPair.NotFound",
                       fmt::format("The key pair '{}' does not exist", what.prototype.key_name));
  TRY(check_interfaces(what, *type));
  TRY(check_placement(transaction, what.prototype));
  const std::int32_t count = TRY(launch_count(transaction, what));
  const ReservationId reservation = transaction.make_id<ReservationId>();
  std::vector<InstanceId> ids;
  for (std::int32_t index = 0; index < count; ++index) {
    InstanceRecord instance = what.prototype;
    instance.id = transaction.make_id<InstanceId>();
    instance.availability_zone = zone_of_primary(transaction, what);
    if (Result<void> placed = place_instance(transaction, instance, what.interfaces.size()); !placed) {
      if (index < what.min_count) return std::unexpected(placed.error());
      break;  // Documented: RunInstances, MaxCount: the largest possible number above MinCount.
    }
    ids.push_back(TRY(launch_one(transaction, what, index, reservation, std::move(instance))));
  }
  return ids;
}

Result<SubnetId> default_subnet(const Transaction& transaction, const std::string& availability_zone) {
  const VpcRecord* vpc = default_vpc(transaction.region());
  if (vpc == nullptr)
    return ec2_failure("VPCIdNotSpecified",
                       "No default VPC for this user. GroupName is only supported for EC2-Classic "
                       "and default VPC.");
  const SubnetRecord* best = nullptr;
  for (const SubnetId& id : transaction.region().subnets_of(vpc->id)) {
    const SubnetRecord* subnet = transaction.find<SubnetRecord>(id);
    if (!subnet->default_for_az) continue;
    if (!availability_zone.empty() && subnet->availability_zone != availability_zone) continue;
    if (best == nullptr || subnet->availability_zone < best->availability_zone) best = subnet;
  }
  if (best == nullptr)
    return ec2_failure(
        "MissingInput",
        fmt::format("No subnets found for the default VPC '{}'. Please specify a subnet.", vpc->id.text()));
  return best->id;
}

Result<std::vector<StateChange>> start_instances(Transaction& transaction,
                                                 const std::vector<InstanceId>& ids) {
  std::vector<StateChange> changes;
  for (InstanceRecord& instance : TRY(find_all(transaction, ids))) {
    const InstanceState previous = instance.state;
    if (previous == InstanceState::kPending || previous == InstanceState::kRunning) {
      changes.push_back({instance.id, previous, previous});
      continue;
    }
    if (previous != InstanceState::kStopped) return wrong_state(instance, "started");
    TRY(place_instance(transaction, instance, transaction.region().interfaces_of(instance.id).size()));
    set_state(transaction, instance, InstanceState::kPending);
    instance.state_reason_code = instance.state_reason_message = "pending";
    instance.state_transition_reason.clear();
    instance.launch_time = transaction.now();
    transaction.put(instance);
    for (const NetworkInterfaceRecord* interface : transaction.region().interfaces_of(instance.id)) {
      NetworkInterfaceRecord attaching = *interface;
      if (attaching.attachment->status == AttachmentStatus::kDetaching) continue;  // It leaves before.
      attaching.attachment->status = AttachmentStatus::kAttaching;
      transaction.put(std::move(attaching));
    }
    if (!take_virtual_functions(transaction, instance.id))
      return ec2_failure("InsufficientInstanceCapacity", "Insufficient capacity.");
    transaction.act({.kind = RuntimeActionKind::kStart, .instance = instance.id});
    changes.push_back({instance.id, previous, instance.state});
  }
  return changes;
}

Result<std::vector<StateChange>> stop_instances(Transaction& transaction, const std::vector<InstanceId>& ids,
                                                bool force) {
  std::vector<StateChange> changes;
  for (InstanceRecord& instance : TRY(find_all(transaction, ids))) {
    const InstanceState previous = instance.state;
    if (previous == InstanceState::kStopped || (previous == InstanceState::kStopping && !force)) {
      changes.push_back({instance.id, previous, previous});
      continue;
    }
    if (previous != InstanceState::kRunning && previous != InstanceState::kPending &&
        previous != InstanceState::kStopping)
      return wrong_state(instance, "stopped");
    if (instance.disable_api_stop)
      return ec2_failure(
          "OperationNotPermitted",
          fmt::format("The instance '{}' may not be stopped. Modify its 'disableApiStop' instance "
                      "attribute and try again.",
                      instance.id.text()));
    set_state(transaction, instance, InstanceState::kStopping);
    instance.state_reason_code = "Client.UserInitiatedShutdown";
    instance.state_reason_message = "Client.UserInitiatedShutdown: User initiated shutdown";
    instance.state_transition_reason = kUserInitiated;
    transaction.put(instance);
    transaction.act({.kind = RuntimeActionKind::kStop, .instance = instance.id, .force = force});
    changes.push_back({instance.id, previous, instance.state});
  }
  return changes;
}

Result<void> reboot_instances(Transaction& transaction, const std::vector<InstanceId>& ids) {
  for (const InstanceRecord& instance : TRY(find_all(transaction, ids))) {
    if (instance.state != InstanceState::kRunning && instance.state != InstanceState::kPending)
      return wrong_state(instance, "rebooted");
    transaction.act({.kind = RuntimeActionKind::kReboot, .instance = instance.id});
  }
  return {};
}

Result<std::vector<StateChange>> terminate_instances(Transaction& transaction,
                                                     const std::vector<InstanceId>& ids) {
  std::vector<StateChange> changes;
  for (InstanceRecord& instance : TRY(find_all(transaction, ids))) {
    const InstanceState previous = instance.state;
    if (previous == InstanceState::kTerminated || previous == InstanceState::kShuttingDown) {
      changes.push_back({instance.id, previous, previous});
      continue;
    }
    if (instance.disable_api_termination)
      return ec2_failure(
          "OperationNotPermitted",
          fmt::format("The instance '{}' may not be terminated. Modify its 'disableApiTermination' "
                      "instance attribute and try again.",
                      instance.id.text()));
    set_state(transaction, instance, InstanceState::kShuttingDown);
    instance.state_reason_code = "Client.UserInitiatedShutdown";
    instance.state_reason_message = "Client.UserInitiatedShutdown: User initiated shutdown";
    instance.state_transition_reason = kUserInitiated;
    transaction.put(instance);
    transaction.act({.kind = RuntimeActionKind::kRemove, .instance = instance.id});
    changes.push_back({instance.id, previous, instance.state});
  }
  return changes;
}

std::string_view state_name(InstanceState state) {
  switch (state) {
    case InstanceState::kPending:
      return "pending";
    case InstanceState::kRunning:
      return "running";
    case InstanceState::kShuttingDown:
      return "shutting-down";
    case InstanceState::kTerminated:
      return "terminated";
    case InstanceState::kStopping:
      return "stopping";
    case InstanceState::kStopped:
      return "stopped";
  }
  std::unreachable();
}

std::int32_t state_code(InstanceState state) {
  switch (state) {
    case InstanceState::kPending:
      return 0;
    case InstanceState::kRunning:
      return 16;
    case InstanceState::kShuttingDown:
      return 32;
    case InstanceState::kTerminated:
      return 48;
    case InstanceState::kStopping:
      return 64;
    case InstanceState::kStopped:
      return 80;
  }
  std::unreachable();
}

}  // namespace enid::control
