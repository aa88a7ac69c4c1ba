#include "api/ec2/instance_requests.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/ids.h"
#include "api/ec2/images.h"
#include "api/ec2/network_interface_requests.h"
#include "api/protocol/base64.h"
#include "api/tag_specifications.h"
#include "control/operations/vpcs.h"

namespace enid::api::ec2 {

using control::InstanceRecord;
using vpc::ec2_failure;

namespace {

// Documented: EC2 User Guide, "Run commands at launch": 16 KiB in raw form.
constexpr std::size_t kUserDataBytesMax = 16 * 1024;

Result<std::string> user_data(const std::optional<std::string>& encoded) {
  if (!encoded) return std::string();
  const auto decoded = protocol::parse_base64(*encoded);
  if (!decoded) return ec2_failure("InvalidParameterValue", "Invalid BASE64 encoding of user data.");
  TRY(check_user_data(*decoded));
  return *decoded;
}

Result<void> refuse_what_is_not_there(const RunInstancesRequest& request) {
  if (request.ipv6_address_count.value_or(0) > 0 || !request.ipv6_addresses.empty())
    return ec2_failure("InvalidParameterCombination", "The subnet does not have an IPv6 CIDR block.");
  return {};
}

Result<std::vector<SecurityGroupId>> groups_of(CallContext& context, const RunInstancesRequest& request,
                                               const VpcId& vpc) {
  std::vector<SecurityGroupId> groups = TRY(group_ids(request.security_group_ids));
  for (const std::string& name : request.security_groups) {
    const auto* group = context.transaction.region().group_named(vpc, name);
    if (group == nullptr)
      return ec2_failure("InvalidGroup.NotFound",
                         fmt::format("The security group '{}' does not exist in VPC '{}'", name, vpc.text()));
    if (std::ranges::find(groups, group->id) == groups.end()) groups.push_back(group->id);
  }
  return groups;
}

Result<SubnetId> subnet_of(CallContext& context, const std::optional<std::string>& subnet,
                           const RunInstancesRequest& request) {
  const std::string zone = request.placement ? request.placement->availability_zone.value_or("") : "";
  if (subnet) {
    const auto id = TRY(parse_id<SubnetId>(*subnet));
    const auto* record = context.transaction.find<control::SubnetRecord>(id);
    if (record != nullptr && !zone.empty() && record->availability_zone != zone)
      return ec2_failure("InvalidParameterValue",
                         fmt::format("The availability zone '{}' does not match the zone of the subnet '{}'.",
                                     zone, *subnet));
    return id;
  }
  return control::default_subnet(context.transaction, zone);
}

Result<control::LaunchInterface> plain_interface(CallContext& context, const RunInstancesRequest& request) {
  control::LaunchInterface interface;
  interface.fresh.subnet = TRY(subnet_of(context, request.subnet_id, request));
  const auto* subnet = context.transaction.find<control::SubnetRecord>(interface.fresh.subnet);
  if (subnet == nullptr)
    return ec2_failure("InvalidSubnetID.NotFound",
                       fmt::format("The subnet ID '{}' does not exist", interface.fresh.subnet.text()));
  // Documented: EC2 API Reference, RunInstances, SecurityGroup.N: names are for the default VPC.
  if (request.subnet_id && !request.security_groups.empty())
    return ec2_failure("InvalidParameterCombination",
                       "The parameter groupName cannot be used with the parameter subnet");
  interface.fresh.groups = TRY(groups_of(context, request, subnet->vpc));
  if (request.private_ip_address) interface.fresh.primary = TRY(parse_address(*request.private_ip_address));
  return interface;
}

Result<control::LaunchInterface> existing_interface(
    const InstanceNetworkInterfaceSpecification& specification) {
  if (specification.delete_on_termination.value_or(false))
    return ec2_failure(
        "InvalidParameterCombination",
        "A network interface may not specify a network interface ID and delete on termination as true");
  if (specification.subnet_id || specification.private_ip_address || !specification.groups.empty() ||
      !specification.private_ip_addresses.empty() || specification.secondary_private_ip_address_count ||
      !specification.ipv4_prefixes.empty() || specification.ipv4_prefix_count)
    return ec2_failure(
        "InvalidParameterCombination",
        "A network interface may not specify both a network interface ID and a subnet, an address or "
        "security groups");
  control::LaunchInterface interface;
  interface.existing = TRY(parse_id<NetworkInterfaceId>(*specification.network_interface_id));
  interface.delete_on_termination = false;
  return interface;
}

// Documented: EC2 API Reference, InstanceNetworkInterfaceSpecification, AssociatePublicIpAddress.
Result<void> refuse_public_address(const RunInstancesRequest& request,
                                   const InstanceNetworkInterfaceSpecification& specification) {
  if (!specification.associate_public_ip_address.value_or(false)) return {};
  if (request.network_interfaces.size() > 1)
    return ec2_failure("InvalidParameterCombination",
                       "The associatePublicIPAddress parameter cannot be specified when launching with "
                       "multiple network interfaces.");
  if (specification.device_index.value_or(0) != 0)
    return ec2_failure("InvalidParameterCombination",
                       "The associatePublicIPAddress parameter can only be specified for the network "
                       "interface with DeviceIndex 0.");
  return ec2_failure("UnsupportedOperation",
                     "Public addresses are not available: the VPC has no internet gateway.");
}

Result<control::LaunchInterface> new_interface(CallContext& context, const RunInstancesRequest& request,
                                               const InstanceNetworkInterfaceSpecification& specification) {
  control::LaunchInterface interface;
  TRY(refuse_public_address(request, specification));
  TRY(refuse_ipv6(specification));
  TRY(interface_type(specification.interface_type));
  interface.fresh.subnet = TRY(subnet_of(context, specification.subnet_id, request));
  interface.fresh.description = specification.description.value_or("");
  interface.fresh.groups = TRY(group_ids(specification.groups));
  TRY(fill_addresses(specification, interface.fresh));
  TRY(fill_timeouts(specification.connection_tracking_specification, interface.fresh));
  interface.delete_on_termination =
      specification.delete_on_termination.value_or(specification.device_index.value_or(0) == 0);
  return interface;
}

Result<void> fill_placement(const CallContext& context, const Placement& placement,
                            InstanceRecord& prototype) {
  prototype.tenancy = placement.tenancy.value_or("default");
  prototype.placement_group = placement.group_name.value_or("");
  prototype.partition_number = placement.partition_number.value_or(0);
  prototype.requested_host = HostId::trusted(placement.host_id.value_or(""));
  if (!placement.group_id) return {};
  if (!prototype.placement_group.empty())
    return ec2_failure("InvalidParameterCombination",
                       "The parameters groupName and groupId cannot be used together.");
  const auto id = TRY(parse_id<PlacementGroupId>(*placement.group_id));
  prototype.placement_group = TRY(find_record<control::PlacementGroupRecord>(context.transaction, id))->name;
  return {};
}

}  // namespace

Result<void> check_user_data(const std::string& decoded) {
  if (decoded.size() <= kUserDataBytesMax) return {};
  return ec2_failure("InvalidParameterValue", "User data is limited to 16384 bytes");
}

Result<control::Tags> launch_tags(std::string_view resource_type,
                                  const std::vector<TagSpecification>& specifications) {
  return tags_for(resource_type, specifications,
                  {"instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"});
}

Result<InstanceRecord> instance_prototype(CallContext& context, const RunInstancesRequest& request) {
  TRY(refuse_what_is_not_there(request));
  InstanceRecord prototype;
  if (!request.image_id)
    return ec2_failure("MissingParameter", "The request must contain the parameter ImageId");
  TRY(check_image(context, *request.image_id));
  prototype.image = *request.image_id;
  prototype.instance_type = request.instance_type.value_or("m1.small");  // Documented: RunInstances' default.
  prototype.key_name = request.key_name.value_or("");
  prototype.user_data = TRY(user_data(request.user_data));
  prototype.client_token = request.client_token.value_or("");
  prototype.disable_api_termination = request.disable_api_termination.value_or(false);
  prototype.disable_api_stop = request.disable_api_stop.value_or(false);
  prototype.terminate_on_shutdown =
      request.instance_initiated_shutdown_behavior.value_or("stop") == "terminate";
  prototype.ebs_optimized = request.ebs_optimized.value_or(false);
  prototype.detailed_monitoring = request.monitoring && request.monitoring->enabled.value_or(false);
  if (request.credit_specification)
    prototype.cpu_credits = request.credit_specification->cpu_credits.value_or("");
  if (request.metadata_options)
    TRY(fill_metadata_options(*request.metadata_options, prototype.metadata_options));
  if (request.placement) {
    TRY(fill_placement(context, *request.placement, prototype));
  }
  if (request.private_dns_name_options)
    prototype.hostname_type = request.private_dns_name_options->hostname_type.value_or("ip-name");
  prototype.tags = TRY(launch_tags("instance", request.tag_specifications));
  prototype.root_volume_tags = TRY(launch_tags("volume", request.tag_specifications));
  return prototype;
}

Result<std::vector<control::LaunchInterface>> launch_interfaces(CallContext& context,
                                                                const RunInstancesRequest& request) {
  std::vector<control::LaunchInterface> interfaces;
  if (request.network_interfaces.empty()) {
    interfaces.push_back(TRY(plain_interface(context, request)));
    return interfaces;
  }
  if (request.subnet_id || !request.security_group_ids.empty() || !request.security_groups.empty() ||
      request.private_ip_address)
    return ec2_failure(
        "InvalidParameterCombination",
        "Network interfaces and an instance-level subnet ID, security groups or private IP address may "
        "not be specified on the same request");
  for (const InstanceNetworkInterfaceSpecification& specification : request.network_interfaces) {
    if (!specification.device_index)
      return ec2_failure("MissingParameter", "The request must contain the parameter deviceIndex");
    control::LaunchInterface interface = specification.network_interface_id
                                             ? TRY(existing_interface(specification))
                                             : TRY(new_interface(context, request, specification));
    interface.device_index = *specification.device_index;
    interface.network_card_index = specification.network_card_index.value_or(0);
    interface.ena_srd = ena_srd_change(specification.ena_srd_specification);
    interfaces.push_back(std::move(interface));
  }
  return interfaces;
}

Result<std::vector<const InstanceRecord*>> find_instances(const control::Transaction& transaction,
                                                          const std::vector<std::string>& ids) {
  std::vector<const InstanceRecord*> found;
  std::vector<std::string> missing;
  for (const std::string& text : ids) {
    const auto id = TRY(parse_id<InstanceId>(text));
    const auto* instance = transaction.find<InstanceRecord>(id);
    if (instance == nullptr) {
      missing.push_back(text);
    } else if (std::ranges::find(found, instance) == found.end()) {
      found.push_back(instance);
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

Result<void> fill_metadata_option_values(const std::optional<std::string>& tokens,
                                         std::optional<std::int32_t> hop_limit,
                                         const std::optional<std::string>& endpoint,
                                         const std::optional<std::string>& tags,
                                         control::MetadataOptionsRecord& options) {
  if (tokens) options.tokens_required = *tokens == "required";
  if (endpoint) options.endpoint_enabled = *endpoint == "enabled";
  if (tags) options.instance_metadata_tags = *tags == "enabled";
  if (!hop_limit) return {};
  if (*hop_limit < 1 || *hop_limit > 64)
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("Value ({}) for parameter HttpPutResponseHopLimit is invalid. It must be between 1 "
                    "and 64.",
                    *hop_limit));
  options.hop_limit = *hop_limit;
  return {};
}

}  // namespace enid::api::ec2
