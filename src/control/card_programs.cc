#include "control/card_programs.h"

#include <fmt/format.h>

#include "base/check.h"
#include "control/instance_metadata.h"
#include "vpc/images.h"
#include "vpc/instance_types.h"
#include "vpc/machine_ports.h"

namespace enid::control {
namespace {

std::int16_t protocol_number(const std::string& name) {
  if (name == "tcp") return 6;
  if (name == "udp") return 17;
  if (name == "icmp") return 1;
  if (name == "icmpv6") return 58;
  return static_cast<std::int16_t>(std::stoi(name));  // Checked when the rule was made.
}

std::optional<contract::SecurityGroupRuleProgram> program_of(const SecurityGroupRule& rule) {
  contract::SecurityGroupRuleProgram program{.id = rule.id,
                                             .protocol = protocol_number(rule.protocol),
                                             .from_port = rule.from_port,
                                             .to_port = rule.to_port,
                                             .peer = {}};
  if (const auto* v4 = std::get_if<Ipv4Prefix>(&rule.peer)) {
    program.peer = *v4;
  } else if (const auto* v6 = std::get_if<Ipv6Prefix>(&rule.peer)) {
    program.peer = *v6;
  } else if (const auto* group = std::get_if<SecurityGroupId>(&rule.peer)) {
    program.peer = *group;
  } else {
    return std::nullopt;  // A prefix list without entries admits nothing.
  }
  return program;
}

contract::ConnectionTrackingTimeouts timeouts_of(const NetworkInterfaceRecord& interface,
                                                 const std::string& instance_type) {
  contract::ConnectionTrackingTimeouts timeouts;
  const vpc::InstanceType* type = vpc::find_instance_type(instance_type);
  if (type != nullptr) timeouts.tcp_established = Duration::from_seconds(type->tcp_established_timeout);
  if (interface.tcp_established_timeout)
    timeouts.tcp_established = Duration::from_seconds(*interface.tcp_established_timeout);
  if (interface.udp_stream_timeout)
    timeouts.udp_stream = Duration::from_seconds(*interface.udp_stream_timeout);
  if (interface.udp_timeout) timeouts.udp = Duration::from_seconds(*interface.udp_timeout);
  return timeouts;
}

contract::EnaExpress ena_express_of(const Attachment& attachment, const std::string& instance_type) {
  const vpc::InstanceType* type = vpc::find_instance_type(instance_type);
  return {.enabled = attachment.ena_srd_enabled,
          .udp_enabled = attachment.ena_srd_udp_enabled,
          .supported_by_type = type != nullptr && type->ena_express};
}

// Empty: not a virtual machine.
std::optional<MachineShape> machine_shape(const InstanceRecord& instance) {
  const vpc::Image* image = vpc::find_image(instance.image);
  if (image == nullptr || !image->is_virtual_machine) return std::nullopt;
  const vpc::InstanceType* type = vpc::find_instance_type(instance.instance_type);
  if (type == nullptr) return MachineShape{};
  const vpc::MachinePorts ports = vpc::machine_ports(*type);
  return MachineShape{.vcpus = type->vcpus,
                      .memory_mib = type->memory_mib,
                      .interface_ports = ports.count,
                      .interface_ports_per_card = ports.per_card};
}

}  // namespace

contract::VpcProgram program_of(const RegionModel& region, const VpcRecord& vpc) {
  contract::VpcProgram program;
  program.id = vpc.id;
  program.enable_dns_support = vpc.enable_dns_support;
  program.enable_dns_hostnames = vpc.enable_dns_hostnames;
  program.vni = static_cast<std::uint32_t>(vpc.vni);
  program.private_dns_domain = private_dns_domain(region.name());
  for (const CidrAssociation& association : vpc.cidr_blocks)
    program.cidr_blocks.push_back(association.cidr_block);
  return program;
}

contract::SubnetProgram program_of(const RegionModel&, const SubnetRecord& subnet) {
  return {.id = subnet.id, .vpc = subnet.vpc, .cidr_block = subnet.cidr_block};
}

contract::SecurityGroupProgram program_of(const RegionModel&, const SecurityGroupRecord& group) {
  contract::SecurityGroupProgram program{.id = group.id, .vpc = group.vpc, .ingress = {}, .egress = {}};
  for (const SecurityGroupRule& rule : group.rules)
    if (auto rule_program = program_of(rule))
      (rule.is_egress ? program.egress : program.ingress).push_back(std::move(*rule_program));
  return program;
}

contract::InterfaceProgram program_of(const RegionModel& region, const NetworkInterfaceRecord& interface) {
  contract::InterfaceProgram program;
  program.id = interface.id;
  program.vpc = interface.vpc;
  program.subnet = interface.subnet;
  program.mac = interface.mac;
  program.addresses = interface.addresses;
  program.prefixes = interface.prefixes;
  program.groups = interface.groups;
  program.source_dest_check = interface.source_dest_check;
  program.availability_zone = interface.availability_zone;
  const bool attached = interface.attachment && interface.attachment->status != AttachmentStatus::kDetaching;
  const InstanceRecord* instance =
      attached ? region.find<InstanceRecord>(interface.attachment->instance) : nullptr;
  if (instance == nullptr) {
    program.timeouts = timeouts_of(interface, "");
    return program;
  }
  program.instance = instance->id;
  program.host = instance->host;
  program.device_index = static_cast<std::uint16_t>(interface.attachment->device_index);
  program.mtu = interface_mtu(instance->instance_type);
  program.timeouts = timeouts_of(interface, instance->instance_type);
  program.ena_express = ena_express_of(*interface.attachment, instance->instance_type);
  return program;
}

std::optional<contract::InstanceProgram> program_of(const std::string& account, const RegionModel& region,
                                                    const InstanceRecord& instance) {
  if (instance.state == InstanceState::kTerminated) return std::nullopt;
  const MetadataOptionsRecord& options = instance.metadata_options;
  return contract::InstanceProgram{
      .id = instance.id,
      .metadata_options = {.endpoint_enabled = options.endpoint_enabled,
                           .tokens_required = options.tokens_required,
                           .hop_limit = static_cast<std::uint8_t>(options.hop_limit)},
      .metadata = instance_metadata(account, region, instance)};
}

std::string private_dns_domain(const std::string& region) {
  return region == "us-east-1" ? "ec2.internal" : region + ".compute.internal";
}

std::string host_label(Ipv4Address address) {
  return fmt::format("ip-{}-{}-{}-{}", address.value >> 24, address.value >> 16 & 255,
                     address.value >> 8 & 255, address.value & 255);
}

std::uint16_t interface_mtu(const std::string& instance_type) {
  const vpc::InstanceType* type = vpc::find_instance_type(instance_type);
  return type == nullptr || type->jumbo_frames ? 9001 : 1500;
}

InterfaceAttachment interface_attachment(const InstanceRecord& instance,
                                         const NetworkInterfaceRecord& interface) {
  const vpc::InstanceType* type = vpc::find_instance_type(instance.instance_type);
  const vpc::MachinePorts ports = type == nullptr ? vpc::MachinePorts{} : vpc::machine_ports(*type);
  const Attachment& attachment = *interface.attachment;
  return {.interface = interface.id,
          .mac = interface.mac,
          .device_index = static_cast<std::uint16_t>(attachment.device_index),
          .network_card_index = static_cast<std::uint16_t>(attachment.network_card_index),
          .mtu = interface_mtu(instance.instance_type),
          // A place that the machine does not have was refused (attach_network_interface()).
          .machine_port =
              ports.port(attachment.network_card_index, attachment.device_index).value_or(UINT16_MAX)};
}

InstanceLaunch instance_launch(const RegionModel& region, const InstanceRecord& instance) {
  InstanceLaunch launch{.id = instance.id,
                        .hostname = host_label(instance.private_address),
                        .user_data = instance.user_data,
                        .first_boot = !instance.booted,
                        .authorized_key = {},
                        .machine = machine_shape(instance),
                        .interfaces = {}};
  if (const KeyPairRecord* key = region.key_pair_named(instance.key_name))
    launch.authorized_key = key->public_key;
  for (const NetworkInterfaceRecord* interface : region.interfaces_of(instance.id))
    if (interface->attachment->status != AttachmentStatus::kDetaching)
      launch.interfaces.push_back(interface_attachment(instance, *interface));
  return launch;
}

}  // namespace enid::control
