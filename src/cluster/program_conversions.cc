// The entities of a card's program: contract/card_program.h <-> protobuf.
#include "cluster/conversions.h"
#include "cluster/overload.h"
#include "control/hosts.h"

namespace enid::cluster {
namespace {

using namespace contract;

Result<Ipv4Prefix> prefix_from(const std::string& text) {
  const auto prefix = Ipv4Prefix::parse(text);
  if (!prefix) return malformed("'" + text.substr(0, 80) + "' is no IPv4 prefix");
  return *prefix;
}

void to_proto(const SecurityGroupRuleProgram& rule, v1::SecurityGroupRule& out) {
  out.set_id(rule.id.text());
  out.set_protocol(rule.protocol);
  out.set_from_port(rule.from_port);
  out.set_to_port(rule.to_port);
  std::visit(Overload{[&](const Ipv4Prefix& prefix) { out.set_ipv4(prefix.text()); },
                      [&](const Ipv6Prefix& prefix) { out.set_ipv6(prefix.text()); },
                      [&](const SecurityGroupId& group) { out.set_group(group.text()); }},
             rule.peer);
}

Result<SecurityGroupRuleProgram::Peer> peer_from(const v1::SecurityGroupRule& in) {
  switch (in.peer_case()) {
    case v1::SecurityGroupRule::kIpv4:
      return TRY(prefix_from(in.ipv4()));
    case v1::SecurityGroupRule::kIpv6: {
      const auto prefix = Ipv6Prefix::parse_loose(in.ipv6());
      if (!prefix) return malformed("a rule's IPv6 prefix is none");
      return *prefix;
    }
    case v1::SecurityGroupRule::kGroup:
      return TRY(id_from<SecurityGroupId>(in.group(), "security group"));
    case v1::SecurityGroupRule::PEER_NOT_SET:
      break;
  }
  return malformed("a rule names no peer");
}

Result<SecurityGroupRuleProgram> from_proto(const v1::SecurityGroupRule& in) {
  if (in.protocol() < kAnyProtocol || in.protocol() > 255)
    return malformed(fmt::format("a rule's protocol cannot be {}", in.protocol()));
  return SecurityGroupRuleProgram{.id = TRY(id_from<SecurityGroupRuleId>(in.id(), "security group rule")),
                                  .protocol = static_cast<std::int16_t>(in.protocol()),
                                  .from_port = in.from_port(),
                                  .to_port = in.to_port(),
                                  .peer = TRY(peer_from(in))};
}

void fill(const HostProgram& host, v1::Host& out) {
  out.set_id(host.id.text());
  out.set_underlay_address(host.underlay_address.value);
  for (const std::uint64_t half : host.pair_key) out.add_pair_key(half);
}

Result<HostProgram> from(const v1::Host& in) {
  HostProgram host{.id = TRY(host_id_from(in.id())), .underlay_address = {in.underlay_address()}};
  if (in.pair_key_size() == 0) return host;
  if (in.pair_key_size() != static_cast<int>(host.pair_key.size()))
    return malformed("a pair's key has another length");
  std::ranges::copy(in.pair_key(), host.pair_key.begin());
  return host;
}

void fill(const VpcProgram& vpc, v1::Vpc& out) {
  out.set_id(vpc.id.text());
  out.set_vni(vpc.vni);
  for (const Ipv4Prefix& block : vpc.cidr_blocks) out.add_cidr_blocks(block.text());
  out.set_enable_dns_support(vpc.enable_dns_support);
  out.set_enable_dns_hostnames(vpc.enable_dns_hostnames);
  out.set_private_dns_domain(vpc.private_dns_domain);
}

Result<VpcProgram> from(const v1::Vpc& in) {
  constexpr std::uint32_t kVniMax = 0xff'ffff;
  if (in.vni() > kVniMax) return malformed(fmt::format("a VPC's number has 24 bits; {} has more", in.vni()));
  VpcProgram vpc{.id = TRY(id_from<VpcId>(in.id(), "VPC")),
                 .vni = in.vni(),
                 .cidr_blocks = {},
                 .enable_dns_support = in.enable_dns_support(),
                 .enable_dns_hostnames = in.enable_dns_hostnames(),
                 .private_dns_domain = in.private_dns_domain()};
  for (const std::string& block : in.cidr_blocks()) vpc.cidr_blocks.push_back(TRY(prefix_from(block)));
  return vpc;
}

void fill(const SubnetProgram& subnet, v1::Subnet& out) {
  out.set_id(subnet.id.text());
  out.set_vpc(subnet.vpc.text());
  out.set_cidr_block(subnet.cidr_block.text());
}

Result<SubnetProgram> from(const v1::Subnet& in) {
  return SubnetProgram{.id = TRY(id_from<SubnetId>(in.id(), "subnet")),
                       .vpc = TRY(id_from<VpcId>(in.vpc(), "VPC")),
                       .cidr_block = TRY(prefix_from(in.cidr_block()))};
}

void fill(const SecurityGroupProgram& group, v1::SecurityGroup& out) {
  out.set_id(group.id.text());
  out.set_vpc(group.vpc.text());
  for (const auto& rule : group.ingress) to_proto(rule, *out.add_ingress());
  for (const auto& rule : group.egress) to_proto(rule, *out.add_egress());
}

Result<SecurityGroupProgram> from(const v1::SecurityGroup& in) {
  SecurityGroupProgram group{.id = TRY(id_from<SecurityGroupId>(in.id(), "security group")),
                             .vpc = TRY(id_from<VpcId>(in.vpc(), "VPC")),
                             .ingress = {},
                             .egress = {}};
  for (const auto& rule : in.ingress()) group.ingress.push_back(TRY(from_proto(rule)));
  for (const auto& rule : in.egress()) group.egress.push_back(TRY(from_proto(rule)));
  return group;
}

void fill(const InterfaceProgram& interface, v1::Interface& out) {
  out.set_id(interface.id.text());
  out.set_vpc(interface.vpc.text());
  out.set_subnet(interface.subnet.text());
  out.set_mac(to_bytes(interface.mac));
  for (const Ipv4Address address : interface.addresses) out.add_addresses(address.value);
  for (const Ipv4Prefix& prefix : interface.prefixes) out.add_prefixes(prefix.text());
  for (const SecurityGroupId& group : interface.groups) out.add_groups(group.text());
  out.set_source_dest_check(interface.source_dest_check);
  out.set_mtu(interface.mtu);
  out.set_tcp_established_nanoseconds(interface.timeouts.tcp_established.nanoseconds);
  out.set_udp_stream_nanoseconds(interface.timeouts.udp_stream.nanoseconds);
  out.set_udp_nanoseconds(interface.timeouts.udp.nanoseconds);
  if (interface.instance) out.set_instance(interface.instance->text());
  out.set_device_index(interface.device_index);
  out.set_host(interface.host.text());
  out.set_ena_express_enabled(interface.ena_express.enabled);
  out.set_ena_express_udp_enabled(interface.ena_express.udp_enabled);
  out.set_ena_express_supported_by_type(interface.ena_express.supported_by_type);
  out.set_availability_zone(interface.availability_zone);
}

Result<ConnectionTrackingTimeouts> timeouts_from(const v1::Interface& in) {
  // Chosen: what no card could wait for is no timeout; sums with a clock stay far from overflowing.
  constexpr std::int64_t kTimeoutMax = Duration::from_seconds(10'000'000).nanoseconds;
  for (const std::int64_t nanoseconds :
       {in.tcp_established_nanoseconds(), in.udp_stream_nanoseconds(), in.udp_nanoseconds()})
    if (nanoseconds < 0 || nanoseconds > kTimeoutMax) return malformed("a timeout is out of range");
  return ConnectionTrackingTimeouts{.tcp_established = {in.tcp_established_nanoseconds()},
                                    .udp_stream = {in.udp_stream_nanoseconds()},
                                    .udp = {in.udp_nanoseconds()}};
}

Result<InterfaceProgram> from(const v1::Interface& in) {
  InterfaceProgram interface;
  interface.id = TRY(id_from<NetworkInterfaceId>(in.id(), "network interface"));
  interface.vpc = TRY(id_from<VpcId>(in.vpc(), "VPC"));
  interface.subnet = TRY(id_from<SubnetId>(in.subnet(), "subnet"));
  interface.mac = TRY(mac_from(in.mac()));
  for (const std::uint32_t address : in.addresses()) interface.addresses.push_back({address});
  for (const std::string& prefix : in.prefixes()) interface.prefixes.push_back(TRY(prefix_from(prefix)));
  for (const std::string& group : in.groups())
    interface.groups.push_back(TRY(id_from<SecurityGroupId>(group, "security group")));
  interface.source_dest_check = in.source_dest_check();
  interface.mtu = TRY(narrow<std::uint16_t>(in.mtu(), "an MTU"));
  interface.timeouts = TRY(timeouts_from(in));
  if (!in.instance().empty()) interface.instance = TRY(id_from<InstanceId>(in.instance(), "instance"));
  interface.device_index = TRY(narrow<std::uint16_t>(in.device_index(), "a device index"));
  if (!in.host().empty()) interface.host = TRY(host_id_from(in.host()));
  interface.ena_express = {.enabled = in.ena_express_enabled(),
                           .udp_enabled = in.ena_express_udp_enabled(),
                           .supported_by_type = in.ena_express_supported_by_type()};
  interface.availability_zone = in.availability_zone();
  return interface;
}

void fill(const InstanceProgram& instance, v1::Instance& out) {
  out.set_id(instance.id.text());
  out.set_metadata_endpoint_enabled(instance.metadata_options.endpoint_enabled);
  out.set_metadata_tokens_required(instance.metadata_options.tokens_required);
  out.set_metadata_hop_limit(instance.metadata_options.hop_limit);
  out.mutable_metadata()->insert(instance.metadata.begin(), instance.metadata.end());
}

Result<InstanceProgram> from(const v1::Instance& in) {
  InstanceProgram instance{
      .id = TRY(id_from<InstanceId>(in.id(), "instance")),
      .metadata_options = {.endpoint_enabled = in.metadata_endpoint_enabled(),
                           .tokens_required = in.metadata_tokens_required(),
                           .hop_limit = TRY(narrow<std::uint8_t>(in.metadata_hop_limit(), "a hop limit"))},
      .metadata = {}};
  for (const auto& [path, text] : in.metadata()) instance.metadata.emplace(path, text);
  return instance;
}

}  // namespace

Result<HostId> host_id_from(const std::string& text) {
  if (!control::is_host_name(text))
    return malformed(
        fmt::format("'{}' is no name of a host: letters, digits, dots and dashes", text.substr(0, 80)));
  return HostId::trusted(text);
}

Result<MacAddress> mac_from(const std::string& bytes) {
  MacAddress mac;
  if (bytes.size() != mac.bytes.size()) return malformed("a MAC address has six bytes");
  std::ranges::copy(bytes, mac.bytes.begin());
  return mac;
}

std::string to_bytes(const MacAddress& mac) { return {mac.bytes.begin(), mac.bytes.end()}; }

void to_proto(const Entity& entity, v1::Entity& out) {
  std::visit(Overload{[&](const HostProgram& host) { fill(host, *out.mutable_host()); },
                      [&](const VpcProgram& vpc) { fill(vpc, *out.mutable_vpc()); },
                      [&](const SubnetProgram& subnet) { fill(subnet, *out.mutable_subnet()); },
                      [&](const SecurityGroupProgram& group) { fill(group, *out.mutable_security_group()); },
                      [&](const InterfaceProgram& interface) { fill(interface, *out.mutable_interface()); },
                      [&](const InstanceProgram& instance) { fill(instance, *out.mutable_instance()); }},
             entity);
}

Result<Entity> from_proto(const v1::Entity& in) {
  switch (in.entity_case()) {
    case v1::Entity::kHost:
      return TRY(from(in.host()));
    case v1::Entity::kVpc:
      return TRY(from(in.vpc()));
    case v1::Entity::kSubnet:
      return TRY(from(in.subnet()));
    case v1::Entity::kSecurityGroup:
      return TRY(from(in.security_group()));
    case v1::Entity::kInterface:
      return TRY(from(in.interface()));
    case v1::Entity::kInstance:
      return TRY(from(in.instance()));
    case v1::Entity::ENTITY_NOT_SET:
      break;
  }
  return malformed("an entity of an unknown kind");
}

void to_proto(const EntityId& id, v1::EntityId& out) {
  std::visit(Overload{[&](const HostId& host) { out.set_host(host.text()); },
                      [&](const VpcId& vpc) { out.set_vpc(vpc.text()); },
                      [&](const SubnetId& subnet) { out.set_subnet(subnet.text()); },
                      [&](const SecurityGroupId& group) { out.set_security_group(group.text()); },
                      [&](const NetworkInterfaceId& interface) { out.set_interface(interface.text()); },
                      [&](const InstanceId& instance) { out.set_instance(instance.text()); }},
             id);
}

Result<EntityId> from_proto(const v1::EntityId& in) {
  switch (in.id_case()) {
    case v1::EntityId::kHost:
      return TRY(host_id_from(in.host()));
    case v1::EntityId::kVpc:
      return TRY(id_from<VpcId>(in.vpc(), "VPC"));
    case v1::EntityId::kSubnet:
      return TRY(id_from<SubnetId>(in.subnet(), "subnet"));
    case v1::EntityId::kSecurityGroup:
      return TRY(id_from<SecurityGroupId>(in.security_group(), "security group"));
    case v1::EntityId::kInterface:
      return TRY(id_from<NetworkInterfaceId>(in.interface(), "network interface"));
    case v1::EntityId::kInstance:
      return TRY(id_from<InstanceId>(in.instance(), "instance"));
    case v1::EntityId::ID_NOT_SET:
      break;
  }
  return malformed("an id of an unknown kind");
}

}  // namespace enid::cluster
