// What calls do to network interfaces; CreateNetworkInterface, RunInstances and the like share it.
//
// Each refuses with EC2's own code and changes nothing then, unless it says otherwise: the
// caller's transaction is rolled back as a whole.
// Sources: EC2 API Reference, "Error codes"; EC2 User Guide, "Elastic network interfaces",
// "Prefix delegation".
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "control/transaction.h"
#include "vpc/instance_types.h"

namespace enid::control {

// Documented: VPC User Guide, "Amazon VPC quotas": security groups per network interface.
constexpr std::size_t kSecurityGroupsPerInterface = 5;

struct AddressRequest {
  std::vector<Ipv4Address> addresses;
  std::int32_t address_count = 0;
  std::vector<Ipv4Prefix> prefixes;
  std::int32_t prefix_count = 0;
};

struct NewNetworkInterface {
  SubnetId subnet;
  std::string description;
  std::string interface_type = "interface";
  std::optional<Ipv4Address> primary;  // Empty: any free one.
  AddressRequest secondary;
  std::vector<SecurityGroupId> groups;  // Empty: the VPC's default group.
  std::optional<std::int32_t> tcp_established_timeout;
  std::optional<std::int32_t> udp_stream_timeout;
  std::optional<std::int32_t> udp_timeout;
  Tags tags;
};

Result<const NetworkInterfaceRecord*> find_network_interface(const Transaction& transaction,
                                                             const NetworkInterfaceId& id);
Result<const InstanceRecord*> find_instance(const Transaction& transaction, const InstanceId& id);

Result<NetworkInterfaceId> create_network_interface(Transaction& transaction,
                                                    const NewNetworkInterface& what);
Result<void> delete_network_interface(Transaction& transaction, const NetworkInterfaceId& id);

// Whether the type has that network card, and the card room for so many interfaces.
Result<void> check_network_card(const vpc::InstanceType& type, std::int32_t network_card_index,
                                std::size_t interfaces);

// Whether the instance has a place for it: namespaces take any device index, a machine's bus so many.
Result<void> check_machine_port(const InstanceRecord& instance, const vpc::InstanceType& type,
                                std::int32_t network_card_index, std::int32_t device_index);

// What a call says about ENA Express on an attachment; empty: it stays as it is.
struct EnaSrdChange {
  std::optional<bool> enabled = {};
  std::optional<bool> udp_enabled = {};
};

// Only on an attachment: the settings are lost when the interface is detached.
Result<void> change_ena_srd(Transaction& transaction, const NetworkInterfaceId& id,
                            const EnaSrdChange& change);

struct NewAttachment {
  NetworkInterfaceId interface;
  InstanceId instance;
  std::int32_t device_index = 0;
  std::int32_t network_card_index = 0;
  bool delete_on_termination = false;
  EnaSrdChange ena_srd = {};
  bool at_launch = false;  // The instance is being made: it starts with the device.
};

// A running instance gets the device at once (hot attach); another one when it starts.
Result<AttachmentId> attach_network_interface(Transaction& transaction, const NewAttachment& what);
Result<void> detach_network_interface(Transaction& transaction, const AttachmentId& id, bool force);

struct AssignedAddresses {
  std::vector<Ipv4Address> addresses;
  std::vector<Ipv4Prefix> prefixes;
};

// With `allow_reassignment` an address that another interface holds as secondary moves.
Result<AssignedAddresses> assign_private_addresses(Transaction& transaction, const NetworkInterfaceId& id,
                                                   const AddressRequest& what, bool allow_reassignment);
Result<void> unassign_private_addresses(Transaction& transaction, const NetworkInterfaceId& id,
                                        const std::vector<Ipv4Address>& addresses,
                                        const std::vector<Ipv4Prefix>& prefixes);
Result<void> set_security_groups(Transaction& transaction, const NetworkInterfaceId& id,
                                 const std::vector<SecurityGroupId>& groups);

}  // namespace enid::control
