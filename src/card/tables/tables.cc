#include "card/tables/tables.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "flow/flow_key.h"

namespace enid::card {

using contract::HostProgram;
using contract::InstanceProgram;
using contract::InterfaceProgram;
using contract::SecurityGroupProgram;
using contract::SubnetProgram;
using contract::VpcProgram;

namespace {

std::uint64_t key_of(const Ipv4Prefix& prefix) {
  return std::uint64_t{prefix.length} << 32 | prefix.address.value;
}

std::uint64_t key_of(const MacAddress& mac) {
  std::uint64_t key = 0;
  for (const std::uint8_t byte : mac.bytes) key = key << 8 | byte;
  return key;
}

}  // namespace

ProgramChange Tables::upsert(const contract::Entity& entity) {
  ++version_;
  return std::visit([this](const auto& program) { return put(program); }, entity);
}

ProgramChange Tables::remove(const contract::EntityId& id) {
  ++version_;
  return std::visit([this](const auto& typed) { return drop(typed); }, id);
}

std::vector<contract::EntityId> Tables::all_ids() const {
  std::vector<contract::EntityId> ids;
  for (const auto& [id, host] : hosts_) ids.emplace_back(id);
  for (const auto& [id, vpc] : vpcs_)
    if (vpc.programmed) ids.emplace_back(id);
  for (const auto& [id, subnet] : subnets_) ids.emplace_back(id);
  for (const auto& [id, group] : groups_)
    if (group.programmed) ids.emplace_back(id);
  for (const auto& [id, instance] : instances_) ids.emplace_back(id);
  for_each_interface([&](const Interface& interface) {
    if (interface.programmed && !interface.is_entrance) ids.emplace_back(interface.id);
  });
  return ids;
}

Interface* Tables::find_interface(const NetworkInterfaceId& id) {
  const auto found = handles_.find(id);
  return found == handles_.end() ? nullptr : by_handle_[found->second].get();
}

Interface& Tables::interface_of(const NetworkInterfaceId& id) {
  if (Interface* known = find_interface(id)) return *known;
  InterfaceHandle handle = 0;
  if (free_handles_.empty()) {
    handle = static_cast<InterfaceHandle>(by_handle_.size());
    CHECK(handle < flow::FlowKey::kInterfacesMax);
    by_handle_.emplace_back();
  } else {
    handle = free_handles_.back();
    free_handles_.pop_back();
  }
  by_handle_[handle] = std::make_unique<Interface>();
  Interface& interface = *by_handle_[handle];
  interface.handle = handle;
  interface.id = id;
  handles_[id] = handle;
  return interface;
}

void Tables::release_if_unused(Interface& interface) {
  if (interface.programmed || interface.port != nullptr) return;
  const InterfaceHandle handle = interface.handle;
  handles_.erase(interface.id);
  by_handle_[handle].reset();
  free_handles_.push_back(handle);
}

void Tables::resolve(Interface& interface) {
  if (interface.resolved_at == version_) return;
  interface.resolved_at = version_;
  const auto vpc = vpcs_.find(interface.program.vpc);
  interface.vpc = vpc != vpcs_.end() && vpc->second.programmed ? &vpc->second : nullptr;
  const auto subnet = subnets_.find(interface.program.subnet);
  interface.subnet = subnet != subnets_.end() ? &subnet->second : nullptr;
  const HostId& host = interface.program.host;
  interface.remote = nullptr;
  if (interface.is_elsewhere) {
    if (interface.moved_to.value != 0) interface.remote = host_at(interface.moved_to);
    if (interface.remote == nullptr)
      if (const auto found = hosts_.find(host); found != hosts_.end()) interface.remote = &found->second;
  }
  interface.instance = nullptr;
  if (interface.program.instance) {
    const auto instance = instances_.find(*interface.program.instance);
    if (instance != instances_.end()) interface.instance = &instance->second;
  }
  interface.groups.clear();
  for (const SecurityGroupId& id : interface.program.groups) {
    const auto group = groups_.find(id);
    if (group != groups_.end() && group->second.programmed) interface.groups.push_back(&group->second);
  }
}

const Interface* Tables::owner_of(const Vpc& vpc, Ipv4Address address) const {
  if (const auto found = vpc.addresses.find(address.value); found != vpc.addresses.end())
    return by_handle_[found->second].get();
  for (std::uint8_t length = 32; length != 0; --length) {
    if (vpc.prefixes_of_length[length] == 0) continue;
    Ipv4Prefix prefix{{}, length};
    prefix.address.value = address.value & prefix.mask();
    if (const auto found = vpc.prefixes.find(key_of(prefix)); found != vpc.prefixes.end())
      return by_handle_[found->second].get();
  }
  return nullptr;
}

Interface* Tables::owner_of(const Vpc& vpc, Ipv4Address address) {
  return const_cast<Interface*>(static_cast<const Tables*>(this)->owner_of(vpc, address));
}

Interface* Tables::receiver_of(const Vpc& vpc, const MacAddress& mac) {
  const auto found = vpc.macs.find(key_of(mac));
  return found == vpc.macs.end() ? nullptr : by_handle_[found->second].get();
}

Interface* Tables::entrance_of(std::uint32_t vni) {
  const auto id = vpcs_by_vni_.find(vni);
  if (id == vpcs_by_vni_.end()) return nullptr;
  Vpc& vpc = vpcs_.at(id->second);
  if (!vpc.entrance) {
    Interface& made = interface_of(NetworkInterfaceId::trusted("vni-" + std::to_string(vni)));
    made.programmed = true;
    made.is_entrance = true;
    made.program.vpc = id->second;
    vpc.entrance = made.handle;
  }
  Interface& entrance = *by_handle_[*vpc.entrance];
  resolve(entrance);
  return &entrance;
}

void Tables::release_entrance(Vpc& vpc) {
  if (!vpc.entrance) return;
  Interface& entrance = *by_handle_[*vpc.entrance];
  vpc.entrance.reset();
  entrance.programmed = false;
  release_if_unused(entrance);
}

void Tables::note_move(Interface& interface, Ipv4Address host) {
  interface.moved_to = host;
  interface.resolved_at = 0;
}

RemoteHost* Tables::host_at(Ipv4Address underlay_address) {
  const auto found = hosts_by_address_.find(underlay_address.value);
  return found == hosts_by_address_.end() ? nullptr : &hosts_.at(found->second);
}

ServiceInterface Tables::service_view(Interface& interface, const MacAddress& router_mac) {
  resolve(interface);
  ServiceInterface view;
  view.handle = interface.handle;
  view.mac = interface.program.mac;
  view.router_mac = router_mac;
  view.addresses = interface.program.addresses;
  view.prefixes = interface.program.prefixes;
  view.source_dest_check = interface.program.source_dest_check;
  view.mtu = interface.program.mtu;
  view.vpc = interface.program.vpc;
  if (interface.subnet != nullptr) view.subnet = interface.subnet->cidr_block;
  if (interface.vpc != nullptr) {
    view.vpc_cidr_blocks = interface.vpc->program.cidr_blocks;
    view.enable_dns_support = interface.vpc->program.enable_dns_support;
    view.private_dns_domain = interface.vpc->program.private_dns_domain;
  }
  view.instance = interface.instance;
  view.directory = this;
  return view;
}

bool Tables::is_primary_address(const VpcId& id, Ipv4Address address) const {
  const auto vpc = vpcs_.find(id);
  if (vpc == vpcs_.end()) return false;
  const Interface* owner = owner_of(vpc->second, address);
  return owner != nullptr && !owner->program.addresses.empty() && owner->program.addresses.front() == address;
}

std::optional<MacAddress> Tables::mac_of(const VpcId& id, Ipv4Address address) const {
  const auto vpc = vpcs_.find(id);
  if (vpc == vpcs_.end()) return std::nullopt;
  const Interface* owner = owner_of(vpc->second, address);
  if (owner == nullptr) return std::nullopt;
  return owner->program.mac;
}

ProgramChange Tables::put(const HostProgram& program) {
  if (program.id == own_host_) return {};
  const auto [host, is_new] = hosts_.try_emplace(program.id);
  if (!is_new && host->second.program == program) return {};
  if (!is_new) hosts_by_address_.erase(host->second.program.underlay_address.value);
  host->second.program = program;
  hosts_by_address_[program.underlay_address.value] = program.id;
  return {.decisions = !is_new};
}

ProgramChange Tables::put(const VpcProgram& program) {
  Vpc& vpc = vpcs_[program.id];
  const bool known = vpc.programmed;
  if (known && vpc.program == program) return {};
  if (known && vpc.program.vni != program.vni) {
    vpcs_by_vni_.erase(vpc.program.vni);
    release_entrance(vpc);
  }
  if (program.vni != 0) vpcs_by_vni_[program.vni] = program.id;
  vpc.programmed = true;
  vpc.program = program;
  return {.decisions = known};
}

ProgramChange Tables::put(const SubnetProgram& program) {
  const auto found = subnets_.find(program.id);
  const bool known = found != subnets_.end();
  if (known && found->second == program) return {};
  subnets_[program.id] = program;
  return {.decisions = known};
}

ProgramChange Tables::put(const SecurityGroupProgram& program) {
  SecurityGroup& group = groups_[program.id];
  if (group.programmed && group.program == program) return {};
  group.programmed = true;
  group.program = program;
  const auto compile = [this](RuleSet& set, const std::vector<contract::SecurityGroupRuleProgram>& rules) {
    set.clear();
    for (const auto& rule : rules) {
      const auto* peer = std::get_if<SecurityGroupId>(&rule.peer);
      set.add(rule, peer != nullptr ? group_of(*peer).members : nullptr);
    }
  };
  // References to map elements survive insertions, so `group` is still good while peers appear.
  compile(group.ingress, group.program.ingress);
  compile(group.egress, group.program.egress);
  return {.decisions = true};
}

ProgramChange Tables::put(const InterfaceProgram& program) {
  Interface& interface = interface_of(program.id);
  if (interface.programmed && interface.program == program) return {};
  ProgramChange change;
  if (interface.programmed) {
    change.decisions = true;
    if (interface.program.instance != program.instance || interface.program.host != program.host)
      change.forgotten = interface.handle;
    unindex(interface);
  }
  interface.programmed = true;
  interface.program = program;
  interface.is_elsewhere = !program.host.empty() && program.host != own_host_;
  interface.moved_to = {};
  interface.resolved_at = 0;
  interface.timeouts = flow::connection_timeouts(program.timeouts.tcp_established,
                                                 program.timeouts.udp_stream, program.timeouts.udp);
  if (index(interface)) change.decisions = true;
  return change;
}

ProgramChange Tables::put(const InstanceProgram& program) {
  instances_[program.id] = program;
  return {};
}

ProgramChange Tables::drop(const HostId& id) {
  const auto host = hosts_.find(id);
  if (host == hosts_.end()) return {};
  hosts_by_address_.erase(host->second.program.underlay_address.value);
  hosts_.erase(host);
  return {.decisions = true};
}

ProgramChange Tables::drop(const VpcId& id) {
  const auto vpc = vpcs_.find(id);
  if (vpc == vpcs_.end()) return {};
  if (vpc->second.programmed) vpcs_by_vni_.erase(vpc->second.program.vni);
  release_entrance(vpc->second);
  vpc->second.programmed = false;
  release_vpc_if_unused(id);
  return {.decisions = true};
}

ProgramChange Tables::drop(const SubnetId& id) { return {.decisions = subnets_.erase(id) != 0}; }

ProgramChange Tables::drop(const SecurityGroupId& id) {
  const auto group = groups_.find(id);
  if (group == groups_.end()) return {};
  group->second.programmed = false;
  group->second.ingress.clear();
  group->second.egress.clear();
  group->second.program = {};
  release_group_if_unused(id);
  return {.decisions = true};
}

ProgramChange Tables::drop(const NetworkInterfaceId& id) {
  Interface* interface = find_interface(id);
  if (interface == nullptr || !interface->programmed) return {};
  unindex(*interface);
  interface->programmed = false;
  interface->program = {};
  interface->is_elsewhere = false;
  interface->resolved_at = 0;
  return {.decisions = true, .forgotten = interface->handle, .interface_removed = true};
}

ProgramChange Tables::drop(const InstanceId& id) {
  instances_.erase(id);
  return {};
}

bool Tables::index(const Interface& interface) {
  bool taken_over = false;
  Vpc& vpc = vpcs_[interface.program.vpc];
  vpc.macs.insert_or_assign(key_of(interface.program.mac), interface.handle);
  for (const Ipv4Address address : interface.program.addresses) {
    taken_over |= !vpc.addresses.insert_or_assign(address.value, interface.handle).second;
    for (const SecurityGroupId& group : interface.program.groups)
      group_of(group).members->add(address, interface.handle);
  }
  for (const Ipv4Prefix& prefix : interface.program.prefixes) {
    const bool fresh = vpc.prefixes.insert_or_assign(key_of(prefix), interface.handle).second;
    taken_over |= !fresh;
    if (fresh) ++vpc.prefixes_of_length[prefix.length];
    for (const SecurityGroupId& group : interface.program.groups)
      group_of(group).members->add(prefix, interface.handle);
  }
  return taken_over;
}

void Tables::unindex(const Interface& interface) {
  Vpc& vpc = vpcs_[interface.program.vpc];
  const auto mac = vpc.macs.find(key_of(interface.program.mac));
  if (mac != vpc.macs.end() && mac->second == interface.handle) vpc.macs.erase(mac);
  for (const Ipv4Address address : interface.program.addresses) {
    const auto found = vpc.addresses.find(address.value);
    if (found != vpc.addresses.end() && found->second == interface.handle) vpc.addresses.erase(found);
  }
  for (const Ipv4Prefix& prefix : interface.program.prefixes) {
    const auto found = vpc.prefixes.find(key_of(prefix));
    if (found == vpc.prefixes.end() || found->second != interface.handle) continue;
    vpc.prefixes.erase(found);
    --vpc.prefixes_of_length[prefix.length];
  }
  for (const SecurityGroupId& id : interface.program.groups) {
    GroupMembers& members = *group_of(id).members;
    for (const Ipv4Address address : interface.program.addresses) members.remove(address, interface.handle);
    for (const Ipv4Prefix& prefix : interface.program.prefixes) members.remove(prefix, interface.handle);
    release_group_if_unused(id);
  }
  release_vpc_if_unused(interface.program.vpc);
}

void Tables::release_group_if_unused(const SecurityGroupId& id) {
  const auto group = groups_.find(id);
  // A compiled rule of another group holds the members, too, and must see those who come.
  if (group != groups_.end() && !group->second.programmed && group->second.members->empty() &&
      group->second.members.use_count() == 1)
    groups_.erase(group);
}

void Tables::release_vpc_if_unused(const VpcId& id) {
  const auto vpc = vpcs_.find(id);
  if (vpc != vpcs_.end() && !vpc->second.programmed && vpc->second.addresses.empty() &&
      vpc->second.prefixes.empty() && vpc->second.macs.empty())
    vpcs_.erase(vpc);
}

}  // namespace enid::card
