// Attributes of instances: describe, modify, reset; metadata options; monitoring.
#include <fmt/format.h>

#include <map>

#include "api/ec2/instance_requests.h"
#include "api/ec2/instance_shapes.h"
#include "api/ec2/network_interface_requests.h"
#include "api/ec2/network_interface_shapes.h"
#include "api/ec2/operations.h"
#include "api/protocol/base64.h"
#include "control/operations/network_interfaces.h"
#include "vpc/instance_types.h"

namespace enid::api::ec2 {
namespace {

using control::InstanceRecord;
using vpc::ec2_failure;

Result<InstanceRecord> find_one(CallContext& context, const std::string& id) {
  return *TRY(find_instances(context.transaction, {id})).front();
}

// The one interface that instance-level attributes mean.
Result<const control::NetworkInterfaceRecord*> only_interface(CallContext& context,
                                                              const InstanceRecord& instance) {
  const auto interfaces = context.transaction.region().interfaces_of(instance.id);
  if (interfaces.empty())
    return ec2_failure("IncorrectInstanceState",
                       fmt::format("The instance '{}' has no network interface.", instance.id.text()));
  if (interfaces.size() != 1)
    return ec2_failure(
        "InvalidInstanceID",
        fmt::format("There are multiple interfaces attached to instance '{}'. Please specify an "
                    "interface ID for the operation instead.",
                    instance.id.text()));
  return interfaces.front();
}

void describe_networking(CallContext& context, const InstanceRecord& instance, const std::string& name,
                         InstanceAttribute& shape) {
  const control::RegionModel& region = context.transaction.region();
  for (const auto* interface : region.interfaces_of(instance.id)) {
    if (interface->attachment->device_index != 0) continue;
    if (name == "groupSet") shape.groups = group_identifiers(region, interface->groups);
    if (name == "sourceDestCheck")
      shape.source_dest_check = AttributeBooleanValue{interface->source_dest_check};
  }
}

Result<InstanceAttribute> describe_instance_attribute(CallContext& context,
                                                      const DescribeInstanceAttributeRequest& request) {
  const InstanceRecord instance = TRY(find_one(context, *request.instance_id));
  const std::string& name = *request.attribute;
  InstanceAttribute shape;
  shape.instance_id = instance.id.text();
  if (name == "instanceType") shape.instance_type = AttributeValue{instance.instance_type};
  if (name == "kernel") shape.kernel_id = AttributeValue{};
  if (name == "ramdisk") shape.ramdisk_id = AttributeValue{};
  if (name == "userData") {
    shape.user_data = AttributeValue{};
    if (!instance.user_data.empty()) shape.user_data->value = protocol::write_base64(instance.user_data);
  }
  if (name == "disableApiTermination")
    shape.disable_api_termination = AttributeBooleanValue{instance.disable_api_termination};
  if (name == "disableApiStop") shape.disable_api_stop = AttributeBooleanValue{instance.disable_api_stop};
  if (name == "instanceInitiatedShutdownBehavior")
    shape.instance_initiated_shutdown_behavior =
        AttributeValue{instance.terminate_on_shutdown ? "terminate" : "stop"};
  if (name == "rootDeviceName") shape.root_device_name = AttributeValue{kRootDeviceName};
  if (name == "blockDeviceMapping")
    shape.block_device_mappings =
        describe(context.account_id, context.transaction.region(), instance).block_device_mappings;
  if (name == "ebsOptimized") shape.ebs_optimized = AttributeBooleanValue{instance.ebs_optimized};
  if (name == "enaSupport") shape.ena_support = AttributeBooleanValue{true};
  if (name == "enclaveOptions") shape.enclave_options = EnclaveOptions{.enabled = false};
  describe_networking(context, instance, name, shape);
  return shape;
}

std::unexpected<Error> not_stopped(const InstanceRecord& instance) {
  return ec2_failure("IncorrectInstanceState",
                     fmt::format("The instance '{}' is not in the 'stopped' state.", instance.id.text()));
}

Result<void> change_type(CallContext& context, InstanceRecord& instance, const std::string& name) {
  if (instance.state != control::InstanceState::kStopped) return not_stopped(instance);
  const vpc::InstanceType* type = vpc::find_instance_type(name);
  if (type == nullptr)
    return ec2_failure("InvalidParameterValue", fmt::format("Invalid value '{}' for InstanceType.", name));
  const auto interfaces = context.transaction.region().interfaces_of(instance.id);
  if (interfaces.size() > static_cast<std::size_t>(type->max_enis))
    return ec2_failure("AttachmentLimitExceeded",
                       fmt::format("Interface count {} exceeds the limit for {}", interfaces.size(), name));
  std::map<std::int32_t, std::size_t> interfaces_of_card;
  for (const auto* interface : interfaces) {
    const std::int32_t card = interface->attachment->network_card_index;
    TRY(control::check_network_card(*type, card, ++interfaces_of_card[card]));
    TRY(control::check_machine_port(instance, *type, card, interface->attachment->device_index));
    if (interface->addresses.size() + interface->prefixes.size() >
        static_cast<std::size_t>(type->ipv4_per_eni))
      return ec2_failure("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.");
  }
  instance.instance_type = name;
  return {};
}

Result<void> change_user_data(InstanceRecord& instance, const std::string& decoded) {
  if (instance.state != control::InstanceState::kStopped) return not_stopped(instance);
  TRY(check_user_data(decoded));
  instance.user_data = decoded;
  return {};
}

bool is_true(const std::optional<std::string>& text) { return text.value_or("") == "true"; }

// The older form: an attribute's name and its value as text.
Result<void> modify_named(CallContext& context, InstanceRecord& instance, const std::string& name,
                          const std::optional<std::string>& value) {
  if (name == "instanceType") return change_type(context, instance, value.value_or(""));
  if (name == "disableApiTermination") instance.disable_api_termination = is_true(value);
  if (name == "disableApiStop") instance.disable_api_stop = is_true(value);
  if (name == "ebsOptimized") instance.ebs_optimized = is_true(value);
  if (name == "instanceInitiatedShutdownBehavior")
    instance.terminate_on_shutdown = value.value_or("") == "terminate";
  if (name == "userData") {
    const auto decoded = protocol::parse_base64(value.value_or(""));
    if (!decoded) return ec2_failure("InvalidParameterValue", "Invalid BASE64 encoding of user data.");
    return change_user_data(instance, *decoded);
  }
  if (name == "sourceDestCheck") {
    control::NetworkInterfaceRecord interface = *TRY(only_interface(context, instance));
    interface.source_dest_check = is_true(value);
    context.transaction.put(std::move(interface));
  }
  return {};
}

Result<void> modify_interface(CallContext& context, const InstanceRecord& instance,
                              const ModifyInstanceAttributeRequest& request) {
  const auto* found = TRY(only_interface(context, instance));
  const NetworkInterfaceId id = found->id;
  if (request.source_dest_check) {
    control::NetworkInterfaceRecord interface = *found;
    interface.source_dest_check = request.source_dest_check->value.value_or(true);
    context.transaction.put(std::move(interface));
  }
  if (!request.groups.empty())
    return control::set_security_groups(context.transaction, id, TRY(group_ids(request.groups)));
  return {};
}

Result<operations::ModifyInstanceAttribute::Result> modify_instance_attribute(
    CallContext& context, const ModifyInstanceAttributeRequest& request) {
  InstanceRecord instance = TRY(find_one(context, *request.instance_id));
  // Documented: EC2 API Reference, ModifyInstanceAttribute: one attribute at a time.
  const int attributes = (request.attribute ? 1 : 0) + (request.source_dest_check ? 1 : 0) +
                         (request.groups.empty() ? 0 : 1) + (request.instance_type ? 1 : 0) +
                         (request.disable_api_termination ? 1 : 0) + (request.disable_api_stop ? 1 : 0) +
                         (request.ebs_optimized ? 1 : 0) +
                         (request.instance_initiated_shutdown_behavior ? 1 : 0) + (request.user_data ? 1 : 0);
  if (attributes == 0 && request.block_device_mappings.empty() && !request.ena_support && !request.kernel &&
      !request.ramdisk && !request.sriov_net_support && !request.enclave_options)
    return ec2_failure("InvalidParameterCombination", "No attributes specified.");
  if (attributes > 1)
    return ec2_failure("InvalidParameterCombination", "Fields for multiple attribute types specified.");
  if (request.attribute) TRY(modify_named(context, instance, *request.attribute, request.value));
  if (request.source_dest_check || !request.groups.empty()) TRY(modify_interface(context, instance, request));
  if (request.instance_type) TRY(change_type(context, instance, request.instance_type->value.value_or("")));
  if (request.disable_api_termination)
    instance.disable_api_termination = request.disable_api_termination->value.value_or(false);
  if (request.disable_api_stop) instance.disable_api_stop = request.disable_api_stop->value.value_or(false);
  if (request.ebs_optimized) instance.ebs_optimized = request.ebs_optimized->value.value_or(false);
  if (request.instance_initiated_shutdown_behavior)
    instance.terminate_on_shutdown =
        request.instance_initiated_shutdown_behavior->value.value_or("") == "terminate";
  if (request.user_data) TRY(change_user_data(instance, request.user_data->value.value_or("")));
  context.transaction.put(std::move(instance));
  return {};
}

Result<operations::ResetInstanceAttribute::Result> reset_instance_attribute(
    CallContext& context, const ResetInstanceAttributeRequest& request) {
  const InstanceRecord instance = TRY(find_one(context, *request.instance_id));
  if (*request.attribute == "sourceDestCheck") {
    control::NetworkInterfaceRecord interface = *TRY(only_interface(context, instance));
    interface.source_dest_check = true;
    context.transaction.put(std::move(interface));
  } else if (*request.attribute != "kernel" && *request.attribute != "ramdisk") {
    return ec2_failure("InvalidParameterValue",
                       fmt::format("The attribute '{}' cannot be reset.", *request.attribute));
  }
  return {};
}

Result<ModifyInstanceMetadataOptionsResult> modify_instance_metadata_options(
    CallContext& context, const ModifyInstanceMetadataOptionsRequest& request) {
  InstanceRecord instance = TRY(find_one(context, *request.instance_id));
  TRY(fill_metadata_options(request, instance.metadata_options));
  ModifyInstanceMetadataOptionsResult result;
  result.instance_id = instance.id.text();
  result.instance_metadata_options = describe(instance.metadata_options);
  result.instance_metadata_options->state = "pending";
  context.transaction.put(std::move(instance));
  return result;
}

Result<std::vector<InstanceMonitoring>> set_monitoring(CallContext& context,
                                                       const std::vector<std::string>& ids, bool enabled) {
  std::vector<InstanceMonitoring> shapes;
  for (const std::string& id : ids) {
    InstanceRecord instance = TRY(find_one(context, id));
    instance.detailed_monitoring = enabled;
    shapes.push_back(
        {.instance_id = id, .monitoring = Monitoring{.state = enabled ? "pending" : "disabling"}});
    context.transaction.put(std::move(instance));
  }
  return shapes;
}

Result<MonitorInstancesResult> monitor_instances(CallContext& context,
                                                 const MonitorInstancesRequest& request) {
  return MonitorInstancesResult{TRY(set_monitoring(context, request.instance_ids, true))};
}

Result<UnmonitorInstancesResult> unmonitor_instances(CallContext& context,
                                                     const UnmonitorInstancesRequest& request) {
  return UnmonitorInstancesResult{TRY(set_monitoring(context, request.instance_ids, false))};
}

}  // namespace

void add_instance_attribute_operations(OperationTable& table) {
  table.add<operations::DescribeInstanceAttribute>(describe_instance_attribute, OperationKind::kRead);
  table.add<operations::ModifyInstanceAttribute>(modify_instance_attribute, OperationKind::kChange);
  table.add<operations::ResetInstanceAttribute>(reset_instance_attribute, OperationKind::kChange);
  table.add<operations::ModifyInstanceMetadataOptions>(modify_instance_metadata_options,
                                                       OperationKind::kChange);
  table.add<operations::MonitorInstances>(monitor_instances, OperationKind::kChange);
  table.add<operations::UnmonitorInstances>(unmonitor_instances, OperationKind::kChange);
}

}  // namespace enid::api::ec2
