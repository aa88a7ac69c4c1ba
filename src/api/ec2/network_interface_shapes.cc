#include "api/ec2/network_interface_shapes.h"

#include <utility>

#include "api/tag_specifications.h"
#include "control/card_programs.h"
#include "vpc/instance_types.h"

namespace enid::api::ec2 {
namespace {

using control::Attachment;
using control::NetworkInterfaceRecord;

template <class Address>
std::vector<Address> private_addresses(const control::RegionModel& region,
                                       const NetworkInterfaceRecord& interface) {
  std::vector<Address> all;
  for (const Ipv4Address address : interface.addresses) {
    Address& one = all.emplace_back();
    one.primary = all.size() == 1;
    one.private_ip_address = address.text();
    one.private_dns_name = private_dns_name(region.name(), address);
  }
  return all;
}

template <class Prefix>
std::vector<Prefix> prefixes(const NetworkInterfaceRecord& interface) {
  std::vector<Prefix> all;
  for (const Ipv4Prefix& prefix : interface.prefixes) all.emplace_back().ipv4_prefix = prefix.text();
  return all;
}

template <class Configuration>
std::optional<Configuration> tracking(const NetworkInterfaceRecord& interface) {
  if (!interface.tcp_established_timeout && !interface.udp_stream_timeout && !interface.udp_timeout)
    return std::nullopt;
  Configuration configuration;
  configuration.tcp_established_timeout = interface.tcp_established_timeout;
  configuration.udp_stream_timeout = interface.udp_stream_timeout;
  configuration.udp_timeout = interface.udp_timeout;
  return configuration;
}

// Chosen: told where the instance's type has it, or where it was enabled before the type changed.
template <class Shape>
void tell_ena_srd(const control::RegionModel& region, const Attachment& attachment, Shape& shape) {
  const auto* instance = region.find<control::InstanceRecord>(attachment.instance);
  const vpc::InstanceType* type =
      instance == nullptr ? nullptr : vpc::find_instance_type(instance->instance_type);
  const bool supported = type != nullptr && type->ena_express;
  if (!supported && !attachment.ena_srd_enabled && !attachment.ena_srd_udp_enabled) return;
  auto& specification = shape.ena_srd_specification.emplace();
  specification.ena_srd_enabled = attachment.ena_srd_enabled;
  specification.ena_srd_udp_specification.emplace().ena_srd_udp_enabled = attachment.ena_srd_udp_enabled;
}

template <class Shape>
Shape attachment_shape(const control::RegionModel& region, const Attachment& attachment) {
  Shape shape;
  shape.attachment_id = attachment.id.text();
  shape.attach_time = attachment.attach_time;
  shape.delete_on_termination = attachment.delete_on_termination;
  shape.device_index = attachment.device_index;
  shape.network_card_index = attachment.network_card_index;
  shape.status = attachment_status(attachment.status);
  tell_ena_srd(region, attachment, shape);
  return shape;
}

}  // namespace

std::string_view attachment_status(control::AttachmentStatus status) {
  switch (status) {
    case control::AttachmentStatus::kAttaching:
      return "attaching";
    case control::AttachmentStatus::kAttached:
      return "attached";
    case control::AttachmentStatus::kDetaching:
      return "detaching";
  }
  std::unreachable();
}

// Documented: EC2 API Reference, NetworkInterface, "status".
std::string_view interface_status(const NetworkInterfaceRecord& interface) {
  if (!interface.attachment) return "available";
  switch (interface.attachment->status) {
    case control::AttachmentStatus::kAttaching:
      return "attaching";
    case control::AttachmentStatus::kAttached:
      return "in-use";
    case control::AttachmentStatus::kDetaching:
      return "detaching";
  }
  std::unreachable();
}

std::string private_dns_name(const std::string& region, Ipv4Address address) {
  return control::host_label(address) + "." + control::private_dns_domain(region);
}

std::vector<GroupIdentifier> group_identifiers(const control::RegionModel& region,
                                               const std::vector<SecurityGroupId>& groups) {
  std::vector<GroupIdentifier> identifiers;
  for (const SecurityGroupId& id : groups) {
    GroupIdentifier& identifier = identifiers.emplace_back();
    identifier.group_id = id.text();
    if (const auto* group = region.find<control::SecurityGroupRecord>(id))
      identifier.group_name = group->name;
  }
  return identifiers;
}

NetworkInterface describe(const std::string& account, const control::RegionModel& region,
                          const NetworkInterfaceRecord& interface) {
  NetworkInterface shape;
  if (interface.attachment) {
    shape.attachment = attachment_shape<NetworkInterfaceAttachment>(region, *interface.attachment);
    shape.attachment->instance_id = interface.attachment->instance.text();
    shape.attachment->instance_owner_id = account;
  }
  shape.availability_zone = interface.availability_zone;
  if (const auto* subnet = region.find<control::SubnetRecord>(interface.subnet))
    shape.availability_zone_id = subnet->availability_zone_id;
  shape.connection_tracking_configuration = tracking<ConnectionTrackingConfiguration>(interface);
  shape.description = interface.description;
  shape.groups = group_identifiers(region, interface.groups);
  shape.interface_type = interface.interface_type;
  shape.mac_address = interface.mac.text();
  shape.network_interface_id = interface.id.text();
  shape.owner_id = account;
  if (!interface.addresses.empty()) {
    shape.private_ip_address = interface.addresses.front().text();
    shape.private_dns_name = private_dns_name(region.name(), interface.addresses.front());
  }
  shape.private_ip_addresses = private_addresses<NetworkInterfacePrivateIpAddress>(region, interface);
  shape.ipv4_prefixes = prefixes<Ipv4PrefixSpecification>(interface);
  shape.requester_id = account;
  shape.requester_managed = false;
  shape.source_dest_check = interface.source_dest_check;
  shape.status = interface_status(interface);
  shape.subnet_id = interface.subnet.text();
  shape.vpc_id = interface.vpc.text();
  shape.tag_set = to_tag_list(interface.tags);
  shape.operator_ = OperatorResponse{.managed = false};
  return shape;
}

InstanceNetworkInterface describe_in_instance(const std::string& account, const control::RegionModel& region,
                                              const NetworkInterfaceRecord& interface) {
  InstanceNetworkInterface shape;
  if (interface.attachment)
    shape.attachment = attachment_shape<InstanceNetworkInterfaceAttachment>(region, *interface.attachment);
  shape.description = interface.description;
  shape.groups = group_identifiers(region, interface.groups);
  shape.mac_address = interface.mac.text();
  shape.network_interface_id = interface.id.text();
  shape.owner_id = account;
  if (!interface.addresses.empty()) {
    shape.private_ip_address = interface.addresses.front().text();
    shape.private_dns_name = private_dns_name(region.name(), interface.addresses.front());
  }
  shape.private_ip_addresses = private_addresses<InstancePrivateIpAddress>(region, interface);
  shape.source_dest_check = interface.source_dest_check;
  // Documented: EC2 API Reference, InstanceNetworkInterface: the status is the interface's.
  shape.status = interface_status(interface);
  shape.subnet_id = interface.subnet.text();
  shape.vpc_id = interface.vpc.text();
  shape.interface_type = interface.interface_type;
  shape.ipv4_prefixes = prefixes<InstanceIpv4Prefix>(interface);
  shape.connection_tracking_configuration = tracking<ConnectionTrackingSpecificationResponse>(interface);
  return shape;
}

}  // namespace enid::api::ec2
