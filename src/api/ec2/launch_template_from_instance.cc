// GetLaunchTemplateData: an instance's parameters in the words of a launch template.
#include <utility>

#include "api/ec2/instance_shapes.h"
#include "api/ec2/launch_template_data.h"
#include "api/protocol/base64.h"
#include "api/tag_specifications.h"
#include "control/operations/tags.h"

namespace enid::api::ec2 {
namespace {

using control::InstanceRecord;
using control::NetworkInterfaceRecord;

LaunchTemplateInstanceNetworkInterfaceSpecification interface_of(const NetworkInterfaceRecord& interface) {
  const control::Attachment& attachment = *interface.attachment;
  LaunchTemplateInstanceNetworkInterfaceSpecification shape;
  shape.network_interface_id = interface.id.text();
  shape.device_index = attachment.device_index;
  shape.network_card_index = attachment.network_card_index;
  shape.delete_on_termination = attachment.delete_on_termination;
  shape.description = interface.description;
  shape.interface_type = interface.interface_type;
  shape.subnet_id = interface.subnet.text();
  for (const SecurityGroupId& group : interface.groups) shape.groups.push_back(group.text());
  for (const Ipv4Address address : interface.addresses)
    shape.private_ip_addresses.push_back(
        {.primary = shape.private_ip_addresses.empty(), .private_ip_address = address.text()});
  if (!interface.addresses.empty()) shape.private_ip_address = interface.addresses.front().text();
  for (const Ipv4Prefix& prefix : interface.prefixes)
    shape.ipv4_prefixes.emplace_back().ipv4_prefix = prefix.text();
  if (attachment.ena_srd_enabled || attachment.ena_srd_udp_enabled) {
    auto& express = shape.ena_srd_specification.emplace();
    express.ena_srd_enabled = attachment.ena_srd_enabled;
    express.ena_srd_udp_specification.emplace().ena_srd_udp_enabled = attachment.ena_srd_udp_enabled;
  }
  return shape;
}

LaunchTemplateBlockDeviceMapping root_device() {
  LaunchTemplateBlockDeviceMapping device;
  device.device_name = kRootDeviceName;
  device.ebs.emplace().delete_on_termination = true;
  return device;
}

void tell_options(const InstanceRecord& instance, ResponseLaunchTemplateData& shape) {
  const InstanceMetadataOptionsResponse metadata = describe(instance.metadata_options);
  auto& options = shape.metadata_options.emplace();
  options.state = metadata.state;
  options.http_tokens = metadata.http_tokens;
  options.http_put_response_hop_limit = metadata.http_put_response_hop_limit;
  options.http_endpoint = metadata.http_endpoint;
  options.http_protocol_ipv6 = metadata.http_protocol_ipv6;
  options.instance_metadata_tags = metadata.instance_metadata_tags;
  shape.private_dns_name_options.emplace().hostname_type = instance.hostname_type;
  if (!instance.cpu_credits.empty())
    shape.credit_specification = CreditSpecification{.cpu_credits = instance.cpu_credits};
}

}  // namespace

// Observed: the example of the AWS CLI's reference, get-launch-template-data, for what is told and what not.
ResponseLaunchTemplateData launch_template_data_of(const control::RegionModel& region,
                                                   const InstanceRecord& instance) {
  ResponseLaunchTemplateData shape;
  shape.image_id = instance.image;
  shape.instance_type = instance.instance_type;
  if (!instance.key_name.empty()) shape.key_name = instance.key_name;
  if (!instance.user_data.empty()) shape.user_data = protocol::write_base64(instance.user_data);
  shape.ebs_optimized = instance.ebs_optimized;
  shape.monitoring = LaunchTemplatesMonitoring{.enabled = instance.detailed_monitoring};
  shape.disable_api_termination = instance.disable_api_termination;
  shape.disable_api_stop = instance.disable_api_stop;
  shape.instance_initiated_shutdown_behavior = instance.terminate_on_shutdown ? "terminate" : "stop";
  auto& placement = shape.placement.emplace();
  placement.availability_zone = instance.availability_zone;
  placement.tenancy = instance.tenancy;
  placement.group_name = instance.placement_group;
  shape.block_device_mappings.push_back(root_device());
  for (const NetworkInterfaceRecord* interface : region.interfaces_of(instance.id))
    shape.network_interfaces.push_back(interface_of(*interface));
  tell_options(instance, shape);
  LaunchTemplateTagSpecification tags;
  tags.resource_type = "instance";
  for (const Tag& tag : to_tag_list(instance.tags))
    if (!control::is_reserved_tag_key(*tag.key)) tags.tags.push_back(tag);
  if (!tags.tags.empty()) shape.tag_specifications.push_back(std::move(tags));
  return shape;
}

}  // namespace enid::api::ec2
