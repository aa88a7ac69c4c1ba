#include "control/region_model.h"

#include <algorithm>

#include "base/check.h"

namespace enid::control {
namespace {

template <class Map>
const typename Map::mapped_type& at_or_empty(const Map& map, const typename Map::key_type& key) {
  static const typename Map::mapped_type kEmpty;
  const auto found = map.find(key);
  return found == map.end() ? kEmpty : found->second;
}

template <class Key, class Value>
void index_in(std::map<Key, std::set<Value>>& map, const Key& key, const Value& value, bool add) {
  if (add) {
    map[key].insert(value);
    return;
  }
  const auto found = map.find(key);
  CHECK(found != map.end());
  found->second.erase(value);
  if (found->second.empty()) map.erase(found);
}

}  // namespace

const std::set<SubnetId>& RegionModel::subnets_of(const VpcId& vpc) const {
  return at_or_empty(subnets_of_vpc_, vpc);
}

const std::set<NetworkInterfaceId>& RegionModel::interfaces_in(const SubnetId& subnet) const {
  return at_or_empty(interfaces_of_subnet_, subnet);
}

const std::set<NetworkInterfaceId>& RegionModel::interfaces_in(const SecurityGroupId& group) const {
  return at_or_empty(interfaces_of_group_, group);
}

std::vector<const NetworkInterfaceRecord*> RegionModel::interfaces_of(const InstanceId& instance) const {
  std::vector<const NetworkInterfaceRecord*> interfaces;
  for (const NetworkInterfaceId& id : at_or_empty(interfaces_of_instance_, instance))
    interfaces.push_back(find<NetworkInterfaceRecord>(id));
  std::ranges::sort(interfaces, {}, [](const NetworkInterfaceRecord* interface) {
    return std::pair(interface->attachment->network_card_index, interface->attachment->device_index);
  });
  return interfaces;
}

const NetworkInterfaceRecord* RegionModel::interface_with(const AttachmentId& attachment) const {
  const auto found = attachments_.find(attachment);
  return found == attachments_.end() ? nullptr : find<NetworkInterfaceRecord>(found->second);
}

const NetworkInterfaceRecord* RegionModel::holder_of(const SubnetId& subnet, Ipv4Address address) const {
  const auto& addresses = at_or_empty(addresses_, subnet);
  const auto found = addresses.find(address);
  return found == addresses.end() ? nullptr : find<NetworkInterfaceRecord>(found->second);
}

std::uint64_t RegionModel::addresses_taken(const SubnetId& subnet) const {
  return at_or_empty(addresses_, subnet).size();
}

const std::map<Ipv4Address, NetworkInterfaceId>& RegionModel::addresses_in(const SubnetId& subnet) const {
  return at_or_empty(addresses_, subnet);
}

const SecurityGroupRecord* RegionModel::group_named(const VpcId& vpc, const std::string& name) const {
  for (const auto& [id, group] : table<SecurityGroupRecord>())
    if (group.vpc == vpc && group.name == name) return &group;
  return nullptr;
}

const PlacementGroupRecord* RegionModel::placement_group_named(const std::string& name) const {
  for (const auto& [id, group] : table<PlacementGroupRecord>())
    if (group.name == name) return &group;
  return nullptr;
}

const KeyPairRecord* RegionModel::key_pair_named(const std::string& name) const {
  for (const auto& [id, key] : table<KeyPairRecord>())
    if (key.name == name) return &key;
  return nullptr;
}

void RegionModel::index(const VpcRecord& vpc, bool add) {
  if (vpc.vni == 0) return;
  if (add) {
    shared_->vnis.insert(vpc.vni);
  } else {
    shared_->vnis.erase(vpc.vni);
  }
}

void RegionModel::index(const SubnetRecord& subnet, bool add) {
  index_in(subnets_of_vpc_, subnet.vpc, subnet.id, add);
}

void RegionModel::index(const NetworkInterfaceRecord& interface, bool add) {
  index_in(interfaces_of_subnet_, interface.subnet, interface.id, add);
  for (const SecurityGroupId& group : interface.groups)
    index_in(interfaces_of_group_, group, interface.id, add);
  if (add) {
    macs_.insert(interface.mac);
  } else {
    macs_.erase(interface.mac);
  }
  if (interface.attachment) {
    index_in(interfaces_of_instance_, interface.attachment->instance, interface.id, add);
    if (add) {
      attachments_.emplace(interface.attachment->id, interface.id);
    } else {
      attachments_.erase(interface.attachment->id);
    }
    if (const auto& function = interface.attachment->virtual_function)
      add ? shared_->hosts.hold(*function) : shared_->hosts.release(*function);
  }
  auto& addresses = addresses_[interface.subnet];
  const auto hold = [&](Ipv4Address address) {
    if (add) {
      CHECK(addresses.emplace(address, interface.id).second);  // Operations check before they put.
    } else {
      addresses.erase(address);
    }
  };
  for (const Ipv4Address address : interface.addresses) hold(address);
  for (const Ipv4Prefix& prefix : interface.prefixes)
    for (std::uint64_t i = 0; i < prefix.size(); ++i) hold(prefix.at(i));
}

}  // namespace enid::control
