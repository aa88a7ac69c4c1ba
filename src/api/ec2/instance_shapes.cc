#include "api/ec2/instance_shapes.h"

#include <fmt/format.h>

#include <map>

#include "api/ec2/network_interface_shapes.h"
#include "api/protocol/timestamp.h"
#include "api/tag_specifications.h"
#include "control/operations/tags.h"
#include "vpc/instance_types.h"

namespace enid::api::ec2 {
namespace {

using control::InstanceRecord;

bool is_over(const InstanceRecord& instance) { return instance.state == control::InstanceState::kTerminated; }

void describe_type(const InstanceRecord& instance, Instance& shape) {
  shape.instance_type = instance.instance_type;
  shape.architecture = "x86_64";
  shape.ena_support = true;
  const vpc::InstanceType* type = vpc::find_instance_type(instance.instance_type);
  if (type == nullptr) return;
  const std::int32_t threads = type->vcpus % 2 == 0 ? 2 : 1;
  shape.cpu_options = CpuOptions{.core_count = type->vcpus / threads, .threads_per_core = threads};
}

void describe_place(const InstanceRecord& instance, Instance& shape) {
  shape.placement = Placement{.availability_zone = instance.availability_zone};
  shape.placement->tenancy = instance.tenancy;
  shape.placement->group_name = instance.placement_group;
  if (instance.partition_number != 0) shape.placement->partition_number = instance.partition_number;
  if (!instance.requested_host.empty()) shape.placement->host_id = instance.requested_host.text();
  if (is_over(instance)) return;
  shape.subnet_id = instance.subnet.text();
  shape.vpc_id = instance.vpc.text();
  shape.private_ip_address = instance.private_address.text();
  shape.private_dns_name = instance.private_dns_name;
  InstanceBlockDeviceMapping root;
  root.device_name = kRootDeviceName;
  root.ebs = EbsInstanceBlockDevice{.attach_time = instance.launch_time, .delete_on_termination = true};
  root.ebs->status = "attached";
  root.ebs->volume_id = instance.root_volume.text();
  shape.block_device_mappings.push_back(std::move(root));
}

void describe_interfaces(const std::string& account, const control::RegionModel& region,
                         const InstanceRecord& instance, Instance& shape) {
  for (const control::NetworkInterfaceRecord* interface : region.interfaces_of(instance.id)) {
    shape.network_interfaces.push_back(describe_in_instance(account, region, *interface));
    if (interface->attachment->device_index != 0) continue;
    shape.security_groups = group_identifiers(region, interface->groups);
    shape.source_dest_check = interface->source_dest_check;
  }
}

void describe_fixed(Instance& shape) {
  shape.hypervisor = "xen";  // Observed: EC2 says xen for Nitro instances, too.
  shape.virtualization_type = "hvm";
  shape.root_device_name = kRootDeviceName;
  shape.root_device_type = "ebs";
  shape.platform_details = "Linux/UNIX";
  shape.usage_operation = "RunInstances";
  shape.boot_mode = "uefi-preferred";
  shape.current_instance_boot_mode = "uefi";
  shape.enclave_options = EnclaveOptions{.enabled = false};
  shape.hibernation_options = HibernationOptions{.configured = false};
  shape.capacity_reservation_specification =
      CapacityReservationSpecificationResponse{.capacity_reservation_preference = "open"};
  shape.maintenance_options = InstanceMaintenanceOptions{.auto_recovery = "default"};
  shape.public_dns_name = "";
}

}  // namespace

InstanceState describe(control::InstanceState state) {
  return {.code = control::state_code(state), .name = std::string(control::state_name(state))};
}

InstanceMetadataOptionsResponse describe(const control::MetadataOptionsRecord& options) {
  InstanceMetadataOptionsResponse shape;
  shape.state = "applied";
  shape.http_tokens = options.tokens_required ? "required" : "optional";
  shape.http_put_response_hop_limit = options.hop_limit;
  shape.http_endpoint = options.endpoint_enabled ? "enabled" : "disabled";
  shape.http_protocol_ipv6 = "disabled";
  shape.instance_metadata_tags = options.instance_metadata_tags ? "enabled" : "disabled";
  return shape;
}

std::string state_transition_reason(const InstanceRecord& instance) {
  if (instance.state_transition_reason.empty()) return {};
  std::string time = protocol::write_timestamp(instance.state_time).substr(0, 19);
  time[10] = ' ';
  return fmt::format("{} ({} GMT)", instance.state_transition_reason, time);
}

Instance describe(const std::string& account, const control::RegionModel& region,
                  const InstanceRecord& instance) {
  Instance shape;
  describe_fixed(shape);
  describe_type(instance, shape);
  describe_place(instance, shape);
  describe_interfaces(account, region, instance, shape);
  shape.instance_id = instance.id.text();
  shape.image_id = instance.image;
  shape.state = describe(instance.state);
  shape.state_transition_reason = state_transition_reason(instance);
  if (!instance.state_reason_code.empty() && instance.state != control::InstanceState::kRunning)
    shape.state_reason =
        StateReason{.code = instance.state_reason_code, .message = instance.state_reason_message};
  if (!instance.key_name.empty()) shape.key_name = instance.key_name;
  shape.ami_launch_index = instance.launch_index;
  shape.launch_time = instance.launch_time;
  shape.client_token = instance.client_token;
  shape.ebs_optimized = instance.ebs_optimized;
  shape.monitoring = Monitoring{.state = instance.detailed_monitoring ? "enabled" : "disabled"};
  shape.metadata_options = describe(instance.metadata_options);
  shape.private_dns_name_options =
      PrivateDnsNameOptionsResponse{.hostname_type = instance.hostname_type,
                                    .enable_resource_name_dns_a_record = false,
                                    .enable_resource_name_dns_aaaa_record = false};
  shape.tags = to_tag_list(control::shown_tags(region, instance));
  return shape;
}

std::vector<Reservation> describe_reservations(const std::string& account, const control::RegionModel& region,
                                               const std::vector<const InstanceRecord*>& instances) {
  std::vector<Reservation> reservations;
  std::map<ReservationId, std::size_t> places;
  for (const InstanceRecord* instance : instances) {
    const auto [place, fresh] = places.emplace(instance->reservation, reservations.size());
    if (fresh) {
      reservations.emplace_back().reservation_id = instance->reservation.text();
      reservations.back().owner_id = account;
    }
    reservations[place->second].instances.push_back(describe(account, region, *instance));
  }
  return reservations;
}

}  // namespace enid::api::ec2
