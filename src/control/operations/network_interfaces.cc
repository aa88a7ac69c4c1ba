#include "control/operations/network_interfaces.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/operations/virtual_functions.h"
#include "control/operations/vpcs.h"
#include "vpc/ec2_error.h"
#include "vpc/free_address.h"
#include "vpc/images.h"
#include "vpc/instance_types.h"
#include "vpc/machine_ports.h"
#include "vpc/network_card.h"

namespace enid::control {

using vpc::ec2_failure;

namespace {

// Chosen: what a detached interface may have; no instance type's limit is higher.
constexpr std::size_t kAddressesPerInterface = 64;
constexpr std::int32_t kDeviceIndexMax = 255;  // Chosen.

bool is_terminal(InstanceState state) {
  return state == InstanceState::kShuttingDown || state == InstanceState::kTerminated;
}

// Locally administered, as EC2's are; the OUI-like first byte varies there as well.
MacAddress new_mac(Transaction& transaction) {
  MacAddress mac;
  do {
    mac.bytes[0] = 0x02;
    for (std::size_t i = 1; i < mac.bytes.size(); ++i)
      mac.bytes[i] = static_cast<std::uint8_t>(transaction.random().below(256));
  } while (transaction.region().mac_in_use(mac));
  return mac;
}

Result<void> check_groups(const Transaction& transaction, const VpcId& vpc,
                          const std::vector<SecurityGroupId>& groups) {
  if (groups.size() > kSecurityGroupsPerInterface)
    return ec2_failure("SecurityGroupsPerInterfaceLimitExceeded",
                       "The maximum number of security groups per interface has been reached.");
  for (const SecurityGroupId& id : groups) {
    const SecurityGroupRecord* group = transaction.find<SecurityGroupRecord>(id);
    if (group == nullptr)
      return ec2_failure("InvalidGroup.NotFound",
                         fmt::format("The security group '{}' does not exist", id.text()));
    if (group->vpc != vpc)
      return ec2_failure(
          "InvalidParameterValue",
          fmt::format("Security group {} and the network interface belong to different networks.",
                      id.text()));
  }
  return {};
}

Result<void> check_free(const Transaction& transaction, const SubnetRecord& subnet, Ipv4Address address) {
  if (!subnet.cidr_block.contains(address))
    return ec2_failure("InvalidParameterValue", "Address does not fall within the subnet's address range");
  if (vpc::is_reserved(subnet.cidr_block, address))
    return ec2_failure("InvalidParameterValue", "Address is in subnet's reserved address range");
  if (transaction.region().holder_of(subnet.id, address) != nullptr)
    return ec2_failure("InvalidIPAddress.InUse", "The specified address is already in use.");
  return {};
}

Result<Ipv4Address> pick_address(Transaction& transaction, const SubnetRecord& subnet) {
  const auto address = vpc::free_address(subnet.cidr_block, transaction.region().addresses_in(subnet.id),
                                         transaction.random().below(subnet.cidr_block.size()));
  if (!address)
    return ec2_failure("InsufficientFreeAddressesInSubnet",
                       "The specified subnet does not have enough free addresses to satisfy the request.");
  return *address;
}

Result<void> check_prefix(const Transaction& transaction, const SubnetRecord& subnet,
                          const Ipv4Prefix& prefix) {
  if (prefix.length != vpc::kDelegatedPrefixLength)
    return ec2_failure("InvalidParameterValue",
                       fmt::format("Invalid IPv4 prefix {}: it must be a /28.", prefix.text()));
  if (!subnet.cidr_block.contains(prefix))
    return ec2_failure("InvalidParameterValue", "Prefix does not fall within the subnet's address range");
  if (vpc::is_reserved(subnet.cidr_block, prefix.address) ||
      vpc::is_reserved(subnet.cidr_block, prefix.at(prefix.size() - 1)))
    return ec2_failure("InvalidParameterValue", "Prefix holds addresses that the subnet reserves");
  const auto& taken = transaction.region().addresses_in(subnet.id);
  const auto next = taken.lower_bound(prefix.address);
  if (next != taken.end() && prefix.contains(next->first))
    return ec2_failure("InvalidIPAddress.InUse", "The specified prefix is already in use.");
  return {};
}

// Documented: EC2 User Guide, "Prefix delegation": instances built on Nitro only.
Result<void> check_prefixes_supported(const vpc::InstanceType& type) {
  if (type.hypervisor == "nitro" || type.bare_metal) return {};
  return ec2_failure("UnsupportedOperation",
                     fmt::format("Prefixes are not supported for the instance type {}.", type.name));
}

// How many addresses the interface may have where it is attached. A delegated prefix counts as one.
Result<void> check_address_limit(const Transaction& transaction, const NetworkInterfaceRecord& interface,
                                 std::size_t addresses, std::size_t prefixes) {
  const InstanceRecord* instance =
      interface.attachment ? transaction.find<InstanceRecord>(interface.attachment->instance) : nullptr;
  const vpc::InstanceType* type =
      instance == nullptr ? nullptr : vpc::find_instance_type(instance->instance_type);
  if (type != nullptr && prefixes > 0) TRY(check_prefixes_supported(*type));
  const std::size_t limit =
      type == nullptr ? kAddressesPerInterface : static_cast<std::size_t>(type->ipv4_per_eni);
  if (addresses + prefixes <= limit) return {};
  return ec2_failure("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.");
}

std::vector<SecurityGroupId> without_repetitions(const std::vector<SecurityGroupId>& groups) {
  std::vector<SecurityGroupId> once;
  for (const SecurityGroupId& id : groups)
    if (std::ranges::find(once, id) == once.end()) once.push_back(id);
  return once;
}

// Adds what is asked to the record, putting it each time so that the next look sees it as taken.
Result<AssignedAddresses> add_addresses(Transaction& transaction, NetworkInterfaceRecord& interface,
                                        const AddressRequest& what) {
  const SubnetRecord& subnet = *transaction.find<SubnetRecord>(interface.subnet);
  AssignedAddresses assigned;
  const auto add_address = [&](Ipv4Address address) {
    interface.addresses.push_back(address);
    assigned.addresses.push_back(address);
    transaction.put(interface);
  };
  const auto add_prefix = [&](const Ipv4Prefix& prefix) {
    interface.prefixes.push_back(prefix);
    assigned.prefixes.push_back(prefix);
    transaction.put(interface);
  };
  for (const Ipv4Address address : what.addresses) {
    TRY(check_free(transaction, subnet, address));
    add_address(address);
  }
  for (std::int32_t i = 0; i < what.address_count; ++i) add_address(TRY(pick_address(transaction, subnet)));
  for (const Ipv4Prefix& prefix : what.prefixes) {
    TRY(check_prefix(transaction, subnet, prefix));
    add_prefix(prefix);
  }
  for (std::int32_t i = 0; i < what.prefix_count; ++i) {
    const auto prefix = vpc::free_prefix(subnet.cidr_block, transaction.region().addresses_in(subnet.id),
                                         transaction.random().below(subnet.cidr_block.size() / 16 + 1));
    if (!prefix)
      return ec2_failure(
          "InsufficientCidrBlocks",
          "There are not enough free cidr blocks in the specified subnet to satisfy the request.");
    add_prefix(*prefix);
  }
  return assigned;
}

std::size_t asked_addresses(const AddressRequest& what) {
  return what.addresses.size() + static_cast<std::size_t>(what.address_count);
}

std::size_t asked_prefixes(const AddressRequest& what) {
  return what.prefixes.size() + static_cast<std::size_t>(what.prefix_count);
}

Result<void> check_attachable(const Transaction& transaction, const NetworkInterfaceRecord& interface,
                              const InstanceRecord& instance, const NewAttachment& what) {
  if (what.device_index < 0 || what.device_index > kDeviceIndexMax)
    return ec2_failure("InvalidParameterValue",
                       fmt::format("invalid value for parameter deviceIndex: {}", what.device_index));
  if (interface.attachment)
    return ec2_failure("InvalidNetworkInterface.InUse",
                       fmt::format("Interface: [{}] in use.", interface.id.text()));
  if (is_terminal(instance.state))
    return ec2_failure(
        "IncorrectState",
        fmt::format("The instance '{}' is not in a valid state for this operation.", instance.id.text()));
  // Documented: EC2 User Guide, "Attach a network interface": same Availability Zone.
  if (interface.availability_zone != instance.availability_zone)
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("You may not attach a network interface to an instance if they are not in the same "
                    "availability zone ({} and {})",
                    interface.availability_zone, instance.availability_zone));
  const auto attached = transaction.region().interfaces_of(instance.id);
  std::size_t on_card = 1;  // With the new one.
  for (const NetworkInterfaceRecord* other : attached) {
    if (other->attachment->network_card_index != what.network_card_index) continue;
    ++on_card;
    // Observed: a device index is one network card's own (github.com/cilium/cilium/pull/42512).
    if (other->attachment->device_index == what.device_index)
      return ec2_failure("InvalidParameterValue",
                         fmt::format("Instance '{}' already has an interface attached at device index '{}'.",
                                     instance.id.text(), what.device_index));
  }
  const vpc::InstanceType* type = vpc::find_instance_type(instance.instance_type);
  if (type == nullptr) return {};
  if (attached.size() + 1 > static_cast<std::size_t>(type->max_enis))
    return ec2_failure("AttachmentLimitExceeded", fmt::format("Interface count {} exceeds the limit for {}",
                                                              attached.size() + 1, instance.instance_type));
  TRY(check_network_card(*type, what.network_card_index, on_card));
  TRY(check_machine_port(instance, *type, what.network_card_index, what.device_index));
  if (!interface.prefixes.empty()) TRY(check_prefixes_supported(*type));
  if (interface.addresses.size() + interface.prefixes.size() <= static_cast<std::size_t>(type->ipv4_per_eni))
    return {};
  if (what.at_launch)
    return ec2_failure("InvalidInterface.IpAddressLimitExceeded",
                       fmt::format("The number of IP addresses exceeds the limit for {}.", type->name));
  return ec2_failure("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.");
}

// Documented: EC2 API Reference, EnaSrdUdpSpecification: ENA Express must be enabled first; EC2 User Guide,
// "Monitor network performance for ENA Express settings": turned off, it keeps the value for UDP.
// Chosen: both codes and texts. A type that does not support it is refused when ENA Express is enabled, and
// silently goes without when the instance becomes of such a type later.
Result<void> apply_ena_srd(const EnaSrdChange& change, const InstanceRecord& instance,
                           Attachment& attachment) {
  const bool enabled = change.enabled.value_or(attachment.ena_srd_enabled);
  const vpc::InstanceType* type = vpc::find_instance_type(instance.instance_type);
  if (enabled && !attachment.ena_srd_enabled && (type == nullptr || !type->ena_express))
    return ec2_failure(
        "UnsupportedOperation",
        fmt::format("ENA Express is not supported for the instance type {}.", instance.instance_type));
  if (change.udp_enabled.value_or(false) && !enabled)
    return ec2_failure("InvalidParameterCombination",
                       "EnaSrdUdpEnabled cannot be true when EnaSrdEnabled is not: UDP uses ENA Express only "
                       "where it is enabled.");
  attachment.ena_srd_enabled = enabled;
  attachment.ena_srd_udp_enabled = change.udp_enabled.value_or(attachment.ena_srd_udp_enabled);
  return {};
}

// Takes the address from the interface that holds it as a secondary one.
Result<void> take_from_holder(Transaction& transaction, const SubnetId& subnet, Ipv4Address address,
                              const NetworkInterfaceId& taker, bool allow_reassignment) {
  const NetworkInterfaceRecord* holder = transaction.region().holder_of(subnet, address);
  if (holder == nullptr || holder->id == taker) return {};
  const bool secondary = std::ranges::find(holder->addresses, address) > holder->addresses.begin() &&
                         std::ranges::find(holder->addresses, address) != holder->addresses.end();
  if (!allow_reassignment)
    return ec2_failure(
        "Resource.AlreadyAssigned",
        fmt::format("[{}] have already been assigned to network interface {}, and reassignment was not "
                    "requested.",
                    address.text(), holder->id.text()));
  if (!secondary)
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("[{}] is the primary address of another network interface.", address.text()));
  NetworkInterfaceRecord without = *holder;
  std::erase(without.addresses, address);
  transaction.put(std::move(without));
  return {};
}

}  // namespace

Result<const NetworkInterfaceRecord*> find_network_interface(const Transaction& transaction,
                                                             const NetworkInterfaceId& id) {
  const auto* interface = transaction.find<NetworkInterfaceRecord>(id);
  if (interface == nullptr)
    return ec2_failure("InvalidNetworkInterfaceID.NotFound",
                       fmt::format("The networkInterface ID '{}' does not exist", id.text()));
  return interface;
}

Result<const InstanceRecord*> find_instance(const Transaction& transaction, const InstanceId& id) {
  const auto* instance = transaction.find<InstanceRecord>(id);
  if (instance == nullptr)
    return ec2_failure("InvalidInstanceID.NotFound",
                       fmt::format("The instance ID '{}' does not exist", id.text()));
  return instance;
}

Result<void> check_network_card(const vpc::InstanceType& type, std::int32_t network_card_index,
                                std::size_t interfaces) {
  const std::optional<vpc::NetworkCard> card = vpc::network_card(type, network_card_index);
  // Observed: the text, in the acceptance tests of Terraform's AWS provider; Chosen: the code.
  if (!card)
    return ec2_failure("InvalidParameterValue", fmt::format("NetworkCard index {} exceeds the limit for {}",
                                                            network_card_index, type.name));
  // Documented: EC2 User Guide, "Network cards": each has its own maximum of network interfaces.
  if (interfaces > static_cast<std::size_t>(card->max_interfaces))
    return ec2_failure("AttachmentLimitExceeded",
                       fmt::format("Interface count {} exceeds the limit for network card {} of {}",
                                   interfaces, network_card_index, type.name));
  return {};
}

Result<void> check_machine_port(const InstanceRecord& instance, const vpc::InstanceType& type,
                                std::int32_t network_card_index, std::int32_t device_index) {
  const vpc::Image* image = vpc::find_image(instance.image);
  if (image == nullptr || !image->is_virtual_machine) return {};
  if (vpc::machine_ports(type).port(network_card_index, device_index)) return {};
  return ec2_failure("InvalidParameterValue",
                     fmt::format("invalid value for parameter deviceIndex: {}", device_index));
}

Result<NetworkInterfaceId> create_network_interface(Transaction& transaction,
                                                    const NewNetworkInterface& what) {
  const SubnetRecord* subnet = transaction.find<SubnetRecord>(what.subnet);
  if (subnet == nullptr)
    return ec2_failure("InvalidSubnetID.NotFound",
                       fmt::format("The subnet ID '{}' does not exist", what.subnet.text()));
  NetworkInterfaceRecord interface;
  interface.id = transaction.make_id<NetworkInterfaceId>();
  interface.vpc = subnet->vpc;
  interface.subnet = subnet->id;
  interface.availability_zone = subnet->availability_zone;
  interface.mac = new_mac(transaction);
  interface.description = what.description;
  interface.interface_type = what.interface_type;
  interface.groups = without_repetitions(what.groups);
  if (interface.groups.empty())
    interface.groups = {transaction.region().group_named(subnet->vpc, "default")->id};
  TRY(check_groups(transaction, subnet->vpc, interface.groups));
  interface.tcp_established_timeout = what.tcp_established_timeout;
  interface.udp_stream_timeout = what.udp_stream_timeout;
  interface.udp_timeout = what.udp_timeout;
  interface.create_time = transaction.now();
  interface.tags = what.tags;
  if (what.primary) TRY(check_free(transaction, *subnet, *what.primary));
  TRY(check_address_limit(transaction, interface, 1 + asked_addresses(what.secondary),
                          asked_prefixes(what.secondary)));
  interface.addresses.push_back(what.primary ? *what.primary : TRY(pick_address(transaction, *subnet)));
  transaction.put(interface);
  TRY(add_addresses(transaction, interface, what.secondary));
  return interface.id;
}

Result<void> delete_network_interface(Transaction& transaction, const NetworkInterfaceId& id) {
  const NetworkInterfaceRecord* interface = TRY(find_network_interface(transaction, id));
  if (interface->attachment)
    return ec2_failure("InvalidNetworkInterface.InUse",
                       fmt::format("Network interface '{}' is currently in use.", id.text()));
  transaction.erase<NetworkInterfaceRecord>(id);
  std::vector<NetworkInterfacePermissionId> permissions;
  for (const auto& [permission_id, permission] : transaction.table<NetworkInterfacePermissionRecord>())
    if (permission.interface == id) permissions.push_back(permission_id);
  for (const auto& permission : permissions) transaction.erase<NetworkInterfacePermissionRecord>(permission);
  return {};
}

Result<AttachmentId> attach_network_interface(Transaction& transaction, const NewAttachment& what) {
  const NetworkInterfaceRecord* interface = TRY(find_network_interface(transaction, what.interface));
  const InstanceRecord* instance = TRY(find_instance(transaction, what.instance));
  TRY(check_attachable(transaction, *interface, *instance, what));
  // An instance that is pending may have begun to start without the interface: it gets the device
  // after its start.
  const bool starting = instance->state == InstanceState::kPending;
  const bool hot = instance->state == InstanceState::kRunning || (starting && !what.at_launch);
  const Host* host = transaction.region().hosts().find(instance->host);
  // Chosen: as the outcome of a call whose host is lost meanwhile (control_plane.h).
  if (hot && (host == nullptr || !host->connected))
    return ec2_failure("ServerInternal",
                       fmt::format("The host of the instance '{}' cannot be reached.", what.instance.text()));
  std::optional<VirtualFunction> function;
  if (hot || starting) {
    function = free_virtual_function(transaction.region(), what.instance, what.network_card_index);
    // Chosen: EC2 documents no code for this call; this is its code for a host without room
    // (run_instances()).
    if (!function)
      return ec2_failure("InsufficientInstanceCapacity",
                         fmt::format("The host of the instance '{}' has no free virtual function for another "
                                     "network interface.",
                                     what.instance.text()));
  }
  NetworkInterfaceRecord attached = *interface;
  attached.attachment =
      Attachment{.id = transaction.make_id<AttachmentId>(),
                 .instance = what.instance,
                 .device_index = what.device_index,
                 .network_card_index = what.network_card_index,
                 .status = hot || starting ? AttachmentStatus::kAttaching : AttachmentStatus::kAttached,
                 .attach_time = transaction.now(),
                 .delete_on_termination = what.delete_on_termination,
                 .virtual_function = function};
  TRY(apply_ena_srd(what.ena_srd, *instance, *attached.attachment));
  const AttachmentId id = attached.attachment->id;
  transaction.put(std::move(attached));
  if (hot)
    transaction.act({.kind = RuntimeActionKind::kAttach,
                     .instance = what.instance,
                     .interface = what.interface,
                     .attachment = id,
                     .awaited = true});
  return id;
}

Result<void> change_ena_srd(Transaction& transaction, const NetworkInterfaceId& id,
                            const EnaSrdChange& change) {
  NetworkInterfaceRecord changed = *TRY(find_network_interface(transaction, id));
  if (!changed.attachment || changed.attachment->status == AttachmentStatus::kDetaching)
    return ec2_failure(
        "InvalidParameterCombination",
        fmt::format(
            "ENA Express settings belong to an attachment; the network interface '{}' is not attached.",
            id.text()));
  TRY(apply_ena_srd(change, *TRY(find_instance(transaction, changed.attachment->instance)),
                    *changed.attachment));
  transaction.put(std::move(changed));
  return {};
}

Result<void> detach_network_interface(Transaction& transaction, const AttachmentId& id, bool force) {
  const NetworkInterfaceRecord* interface = transaction.region().interface_with(id);
  if (interface == nullptr)
    return ec2_failure("InvalidAttachmentID.NotFound",
                       fmt::format("The networkInterface attachment ID '{}' does not exist", id.text()));
  const Attachment& attachment = *interface->attachment;
  if (attachment.device_index == 0 && attachment.network_card_index == 0)
    return ec2_failure(
        "OperationNotPermitted",
        fmt::format("The network interface at device index {} and networkCard index {} cannot be "
                    "detached.",
                    attachment.device_index, attachment.network_card_index));
  const InstanceRecord* instance = TRY(find_instance(transaction, attachment.instance));
  // Documented: DetachNetworkInterface, Force: "if the attachment is stuck in a failed state". Such is one
  // whose host cannot be reached: the interface is free at once, and its device is taken when the host is
  // back.
  const Host* host = transaction.region().hosts().find(instance->host);
  const bool stuck = host != nullptr && !host->connected;
  if (attachment.status == AttachmentStatus::kDetaching && !(stuck && force))
    return ec2_failure("IncorrectState",
                       fmt::format("The attachment '{}' is already being detached.", id.text()));
  const InstanceId instance_id = instance->id;
  const NetworkInterfaceId interface_id = interface->id;
  NetworkInterfaceRecord detached = *interface;
  // Chosen: from a stopped instance also without Force, as EC2 does.
  if (instance->state == InstanceState::kStopped || (stuck && force)) {
    detached.attachment.reset();
    transaction.put(std::move(detached));
    return {};
  }
  detached.attachment->status = AttachmentStatus::kDetaching;
  transaction.put(std::move(detached));
  transaction.act({.kind = RuntimeActionKind::kDetach,
                   .instance = instance_id,
                   .interface = interface_id,
                   .attachment = id,
                   .awaited = true});
  return {};
}

Result<AssignedAddresses> assign_private_addresses(Transaction& transaction, const NetworkInterfaceId& id,
                                                   const AddressRequest& what, bool allow_reassignment) {
  const NetworkInterfaceRecord* interface = TRY(find_network_interface(transaction, id));
  AddressRequest missing = what;
  // Chosen: an address that the interface already has is assigned again without harm.
  std::erase_if(missing.addresses, [&](Ipv4Address address) {
    return std::ranges::find(interface->addresses, address) != interface->addresses.end();
  });
  TRY(check_address_limit(transaction, *interface, interface->addresses.size() + asked_addresses(missing),
                          interface->prefixes.size() + asked_prefixes(missing)));
  for (const Ipv4Address address : what.addresses)
    TRY(take_from_holder(transaction, interface->subnet, address, id, allow_reassignment));
  NetworkInterfaceRecord changed = *TRY(find_network_interface(transaction, id));
  AssignedAddresses assigned = TRY(add_addresses(transaction, changed, missing));
  if (!what.addresses.empty()) assigned.addresses = what.addresses;
  return assigned;
}

Result<void> unassign_private_addresses(Transaction& transaction, const NetworkInterfaceId& id,
                                        const std::vector<Ipv4Address>& addresses,
                                        const std::vector<Ipv4Prefix>& prefixes) {
  NetworkInterfaceRecord changed = *TRY(find_network_interface(transaction, id));
  for (const Ipv4Address address : addresses) {
    if (!changed.addresses.empty() && changed.addresses.front() == address)
      return ec2_failure("InvalidParameterValue",
                         fmt::format("The primary address {} of the interface {} cannot be unassigned.",
                                     address.text(), id.text()));
    if (std::erase(changed.addresses, address) == 0)
      return ec2_failure(
          "InvalidParameterValue",
          fmt::format("Some of the specified addresses are not assigned to interface {}", id.text()));
  }
  for (const Ipv4Prefix& prefix : prefixes)
    if (std::erase(changed.prefixes, prefix) == 0)
      return ec2_failure(
          "InvalidParameterValue",
          fmt::format("Some of the specified prefixes are not assigned to interface {}", id.text()));
  transaction.put(std::move(changed));
  return {};
}

Result<void> set_security_groups(Transaction& transaction, const NetworkInterfaceId& id,
                                 const std::vector<SecurityGroupId>& groups) {
  NetworkInterfaceRecord changed = *TRY(find_network_interface(transaction, id));
  TRY(check_groups(transaction, changed.vpc, groups));
  changed.groups = without_repetitions(groups);
  transaction.put(std::move(changed));
  return {};
}

}  // namespace enid::control
