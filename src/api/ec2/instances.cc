// Instances: run and describe.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/ids.h"
#include "api/ec2/images.h"
#include "api/ec2/instance_requests.h"
#include "api/ec2/instance_shapes.h"
#include "api/ec2/launch_template_data.h"
#include "api/ec2/launch_template_requests.h"
#include "api/ec2/network_interface_shapes.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/pagination.h"
#include "api/tag_specifications.h"
#include "control/operations/tags.h"
#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

using control::InstanceRecord;
using vpc::ec2_failure;

// Documented: EC2 User Guide, "Launch instances using a launch template": the tags that tell of it.
void tag_with_launch_template(const control::LaunchTemplateVersionRecord& version, control::Tags& tags) {
  tags["aws:ec2launchtemplate:id"] = version.launch_template.text();
  tags["aws:ec2launchtemplate:version"] = std::to_string(version.number);
}

// What the call says, with its launch template under it.
Result<control::NewInstances> new_instances(CallContext& context, const RunInstancesRequest& request) {
  control::NewInstances what;
  what.min_count = *request.min_count;
  what.max_count = *request.max_count;
  what.prototype = TRY(instance_prototype(context, request));
  what.interfaces = TRY(launch_interfaces(context, request));
  const auto interface_tags = TRY(launch_tags("network-interface", request.tag_specifications));
  for (control::LaunchInterface& interface : what.interfaces) interface.fresh.tags = interface_tags;
  return what;
}

Result<control::NewInstances> new_instances_of_template(CallContext& context,
                                                        const RunInstancesRequest& request) {
  const auto& version = *TRY(named_version(context, *request.launch_template));
  const RunInstancesRequest whole = TRY(with_launch_template(request, version.data));
  control::NewInstances what = TRY(new_instances(context, whole));
  tag_with_launch_template(version, what.prototype.tags);
  return what;
}

Result<Reservation> run_instances(CallContext& context, const RunInstancesRequest& request) {
  const control::NewInstances what = request.launch_template
                                         ? TRY(new_instances_of_template(context, request))
                                         : TRY(new_instances(context, request));
  const std::vector<InstanceId> ids = TRY(control::run_instances(context.transaction, what));
  std::vector<const InstanceRecord*> made;
  for (const InstanceId& id : ids) made.push_back(context.transaction.find<InstanceRecord>(id));
  auto reservations = describe_reservations(context.account_id, context.transaction.region(), made);
  return std::move(reservations.front());
}

void filter_primary(const control::NetworkInterfaceRecord& interface, const control::RegionModel& region,
                    std::string_view name, FilterValues& values) {
  if (name == "source-dest-check") values.add(interface.source_dest_check);
  for (const GroupIdentifier& group : group_identifiers(region, interface.groups)) {
    if (name == "instance.group-id") values.add(group.group_id);
    if (name == "instance.group-name") values.add(group.group_name);
  }
}

void filter_interface(const control::NetworkInterfaceRecord& interface, const control::RegionModel& region,
                      const std::string& account, std::string_view name, FilterValues& values) {
  if (name == "network-interface.addresses.private-ip-address")
    for (const Ipv4Address address : interface.addresses) values.add(address.text());
  if (name == "network-interface.attachment.attachment-id") values.add(interface.attachment->id.text());
  if (name == "network-interface.attachment.attach-time") values.add(interface.attachment->attach_time);
  if (name == "network-interface.attachment.delete-on-termination")
    values.add(interface.attachment->delete_on_termination);
  if (name == "network-interface.attachment.device-index") values.add(interface.attachment->device_index);
  if (name == "network-interface.attachment.instance-id") values.add(interface.attachment->instance.text());
  if (name == "network-interface.attachment.instance-owner-id") values.add(account);
  if (name == "network-interface.attachment.status")
    values.add(attachment_status(interface.attachment->status));
  if (name == "network-interface.availability-zone") values.add(interface.availability_zone);
  if (name == "network-interface.description") values.add(interface.description);
  for (const GroupIdentifier& group : group_identifiers(region, interface.groups)) {
    if (name == "network-interface.group-id") values.add(group.group_id);
    if (name == "network-interface.group-name") values.add(group.group_name);
  }
  if (name == "network-interface.mac-address") values.add(interface.mac.text());
  if (name == "network-interface.network-interface-id") values.add(interface.id.text());
  if (name == "network-interface.owner-id") values.add(account);
  if (name == "network-interface.private-dns-name" && !interface.addresses.empty())
    values.add(private_dns_name(region.name(), interface.addresses.front()));
  if (name == "network-interface.requester-id") values.add(account);
  if (name == "network-interface.requester-managed") values.add(false);
  if (name == "network-interface.source-dest-check") values.add(interface.source_dest_check);
  if (name == "network-interface.status") values.add(interface_status(interface));
  if (name == "network-interface.subnet-id") values.add(interface.subnet.text());
  if (name == "network-interface.vpc-id") values.add(interface.vpc.text());
}

void filter_place(const InstanceRecord& instance, std::string_view name, FilterValues& values) {
  if (name == "availability-zone") values.add(instance.availability_zone);
  if (name == "placement-group-name") values.add(instance.placement_group);
  if (name == "placement-partition-number" && instance.partition_number != 0)
    values.add(instance.partition_number);
  if (name == "host-id" && !instance.requested_host.empty()) values.add(instance.requested_host.text());
  if (name == "tenancy") values.add(instance.tenancy);
  if (instance.state == control::InstanceState::kTerminated) return;
  if (name == "private-dns-name") values.add(instance.private_dns_name);
  if (name == "private-ip-address") values.add(instance.private_address.text());
  if (name == "subnet-id") values.add(instance.subnet.text());
  if (name == "vpc-id") values.add(instance.vpc.text());
  if (name == "block-device-mapping.volume-id") values.add(instance.root_volume.text());
  if (name == "block-device-mapping.device-name") values.add(kRootDeviceName);
  if (name == "block-device-mapping.status") values.add("attached");
  if (name == "block-device-mapping.delete-on-termination") values.add(true);
  if (name == "block-device-mapping.attach-time") values.add(instance.launch_time);
}

void filter_options(const InstanceRecord& instance, std::string_view name, FilterValues& values) {
  const control::MetadataOptionsRecord& options = instance.metadata_options;
  if (name == "metadata-options.http-tokens") values.add(options.tokens_required ? "required" : "optional");
  if (name == "metadata-options.http-endpoint") values.add(options.endpoint_enabled ? "enabled" : "disabled");
  if (name == "metadata-options.http-put-response-hop-limit") values.add(options.hop_limit);
  if (name == "metadata-options.instance-metadata-tags")
    values.add(options.instance_metadata_tags ? "enabled" : "disabled");
  if (name == "iam-instance-profile.arn" && !instance.iam_instance_profile.empty())
    values.add(instance.iam_instance_profile);
  if (name == "monitoring-state") values.add(instance.detailed_monitoring ? "enabled" : "disabled");
  if (name == "hibernation-options.configured") values.add(false);
  if (name == "private-dns-name-options.hostname-type") values.add(instance.hostname_type);
}

void filter_values(const CallContext& context, const InstanceRecord& instance, std::string_view name,
                   FilterValues& values) {
  if (name == "affinity" || name == "kernel-id" || name == "ramdisk-id") return;
  if (name == "architecture") values.add("x86_64");
  if (name == "client-token") values.add(instance.client_token);
  if (name == "hypervisor") values.add("xen");
  if (name == "image-id") values.add(instance.image);
  if (name == "instance-id") values.add(instance.id.text());
  if (name == "instance-state-code") values.add(control::state_code(instance.state));
  if (name == "instance-state-name") values.add(control::state_name(instance.state));
  if (name == "instance-type") values.add(instance.instance_type);
  if (name == "key-name") values.add(instance.key_name);
  if (name == "launch-index") values.add(instance.launch_index);
  if (name == "launch-time") values.add(instance.launch_time);
  if (name == "owner-id") values.add(context.account_id);
  if (name == "platform-details") values.add("Linux/UNIX");
  if (name == "reason") values.add(state_transition_reason(instance));
  if (name == "reservation-id") values.add(instance.reservation.text());
  if (name == "root-device-name") values.add(kRootDeviceName);
  if (name == "root-device-type") values.add("ebs");
  if (name == "state-reason-code") values.add(instance.state_reason_code);
  if (name == "usage-operation") values.add("RunInstances");
  if (name == "virtualization-type") values.add("hvm");
  filter_place(instance, name, values);
  filter_options(instance, name, values);
  const control::RegionModel& region = context.transaction.region();
  for (const control::NetworkInterfaceRecord* interface : region.interfaces_of(instance.id)) {
    if (interface->attachment->device_index == 0) filter_primary(*interface, region, name, values);
    if (name.starts_with("network-interface."))
      filter_interface(*interface, region, context.account_id, name, values);
  }
}

Result<std::vector<const InstanceRecord*>> select_instances(CallContext& context, std::string_view operation,
                                                            const std::vector<std::string>& ids,
                                                            const std::vector<Filter>& wanted) {
  const Filters filters = TRY(Filters::parse(operation, wanted));
  std::vector<const InstanceRecord*> found;
  const auto consider = [&](const InstanceRecord& instance) {
    const auto values = [&](std::string_view name, FilterValues& to) {
      filter_values(context, instance, name, to);
    };
    if (filters.match(values, control::shown_tags(context.transaction.region(), instance)))
      found.push_back(&instance);
  };
  for (const InstanceRecord* instance : TRY(find_instances(context.transaction, ids))) consider(*instance);
  if (ids.empty())
    for (const auto& [id, instance] : context.transaction.table<InstanceRecord>()) consider(instance);
  return found;
}

const std::string& id_of(const InstanceRecord* instance) { return instance->id.text(); }

Result<DescribeInstancesResult> describe_instances(CallContext& context,
                                                   const DescribeInstancesRequest& request) {
  auto found = TRY(select_instances(context, "DescribeInstances", request.instance_ids, request.filters));
  auto page = TRY(paginate(std::move(found), id_of, request));
  DescribeInstancesResult result;
  result.next_token = std::move(page.next_token);
  result.reservations = describe_reservations(context.account_id, context.transaction.region(), page.items);
  return result;
}

InstanceStatusSummary summary(bool running) {
  InstanceStatusSummary shape;
  shape.status = running ? "ok" : "not-applicable";
  if (running) shape.details.push_back({.impaired_since = {}, .name = "reachability", .status = "passed"});
  return shape;
}

InstanceStatus status_of(const control::RegionModel& region, const InstanceRecord& instance) {
  const bool running = instance.state == control::InstanceState::kRunning;
  InstanceStatus shape;
  shape.instance_id = instance.id.text();
  shape.availability_zone = instance.availability_zone;
  if (const auto* subnet = region.find<control::SubnetRecord>(instance.subnet))
    shape.availability_zone_id = subnet->availability_zone_id;
  shape.instance_state = describe(instance.state);
  shape.instance_status = summary(running);
  shape.system_status = summary(running);
  return shape;
}

void filter_status(const InstanceRecord& instance, std::string_view name, FilterValues& values) {
  const bool running = instance.state == control::InstanceState::kRunning;
  if (name == "availability-zone") values.add(instance.availability_zone);
  if (name == "instance-state-code") values.add(control::state_code(instance.state));
  if (name == "instance-state-name") values.add(control::state_name(instance.state));
  if (name == "instance-status.reachability" || name == "system-status.reachability")
    values.add(running ? "passed" : "insufficient-data");
  if (name == "instance-status.status" || name == "system-status.status")
    values.add(running ? "ok" : "not-applicable");
}

Result<DescribeInstanceStatusResult> describe_instance_status(CallContext& context,
                                                              const DescribeInstanceStatusRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeInstanceStatus", request.filters));
  std::vector<const InstanceRecord*> found = TRY(find_instances(context.transaction, request.instance_ids));
  if (request.instance_ids.empty())
    for (const auto& [id, instance] : context.transaction.table<InstanceRecord>()) found.push_back(&instance);
  std::erase_if(found, [&](const InstanceRecord* instance) {
    // Documented: only running instances, unless IncludeAllInstances.
    if (!request.include_all_instances.value_or(false) && instance->state != control::InstanceState::kRunning)
      return true;
    return !filters.match(
        [&](std::string_view name, FilterValues& values) { filter_status(*instance, name, values); },
        instance->tags);
  });
  auto page = TRY(paginate(std::move(found), id_of, request));
  DescribeInstanceStatusResult result;
  result.next_token = std::move(page.next_token);
  for (const InstanceRecord* instance : page.items)
    result.instance_statuses.push_back(status_of(context.transaction.region(), *instance));
  return result;
}

}  // namespace

void add_instance_operations(OperationTable& table) {
  table.add<operations::RunInstances>(run_instances, OperationKind::kChange);
  table.add<operations::DescribeInstances>(describe_instances, OperationKind::kRead);
  table.add<operations::DescribeInstanceStatus>(describe_instance_status, OperationKind::kRead);
}

}  // namespace enid::api::ec2
