#include "control/card_feeds.h"

#include "control/card_programs.h"

namespace enid::control {
namespace {

// An interface counts as on a host only while it is attached to an instance there.
const HostId* home_of(const contract::Entity& entity) {
  const auto* interface = std::get_if<contract::InterfaceProgram>(&entity);
  return interface == nullptr ? nullptr : &interface->host;
}

contract::Entity as_read_by(const HostId& reader, contract::Entity entity) {
  if (auto* interface = std::get_if<contract::InterfaceProgram>(&entity))
    if (interface->host == reader) interface->host = {};
  return entity;
}

TouchedIds everything_of(const RegionModel& region) {
  TouchedIds all;
  for (const auto& [id, record] : region.table<VpcRecord>()) all.vpcs.insert(id);
  for (const auto& [id, record] : region.table<SubnetRecord>()) all.subnets.insert(id);
  for (const auto& [id, record] : region.table<SecurityGroupRecord>()) all.groups.insert(id);
  for (const auto& [id, record] : region.table<NetworkInterfaceRecord>()) all.interfaces.insert(id);
  for (const auto& [id, record] : region.table<InstanceRecord>()) all.instances.insert(id);
  return all;
}

}  // namespace

CardFeeds::CardFeeds(std::string account, const Hosts& hosts, HostId local, PairKeyOf pair_key)
    : account_(std::move(account)), hosts_(hosts), local_(std::move(local)), pair_key_(std::move(pair_key)) {}

CardFeeds::Deltas CardFeeds::add(const RegionModel& region) { return update(region, everything_of(region)); }

CardFeeds::Deltas CardFeeds::update(const RegionModel& region, TouchedIds touched) {
  // What an interface is depends on its instance, too.
  for (const InstanceId& id : touched.instances)
    for (const NetworkInterfaceRecord* interface : region.interfaces_of(id))
      touched.interfaces.insert(interface->id);
  std::set<VpcId> vpcs = touched.vpcs;
  const auto note_vpc_of = [&](const auto& ids, const auto* kind) {
    using Record = std::remove_cvref_t<decltype(*kind)>;
    for (const auto& id : ids) {
      if (const auto known = vpc_of_.find(id); known != vpc_of_.end()) vpcs.insert(known->second);
      if (const Record* record = region.find<Record>(id)) vpcs.insert(record->vpc);
    }
  };
  note_vpc_of(touched.subnets, static_cast<const SubnetRecord*>(nullptr));
  note_vpc_of(touched.groups, static_cast<const SecurityGroupRecord*>(nullptr));
  note_vpc_of(touched.interfaces, static_cast<const NetworkInterfaceRecord*>(nullptr));
  const Served before = served_of(vpcs);
  const Changes changes = take_in(region, touched);
  Deltas deltas;
  std::ptrdiff_t new_homes = 0;
  for (const auto& [host, told] : fed_) {
    contract::CardDelta delta;
    if (changes.moved) tell_hosts(host, delta);
    tell_vpcs(host, changes, before, delta);
    tell_instances(host, changes, delta);
    if (delta.upserts.empty() && delta.removes.empty()) continue;
    const bool comes_first = changes.new_homes.contains(host);
    deltas.emplace(comes_first ? deltas.begin() + new_homes++ : deltas.end(), host, std::move(delta));
  }
  for (const VpcId& id : changes.vpcs)
    if (vpcs_.at(id).entities.empty()) vpcs_.erase(id);
  return deltas;
}

CardFeeds::Changes CardFeeds::take_in(const RegionModel& region, const TouchedIds& touched) {
  Changes changes;
  const auto take = [&](const auto& ids, const auto* kind) {
    using Record = std::remove_cvref_t<decltype(*kind)>;
    for (const auto& id : ids) {
      const Record* record = region.find<Record>(id);
      if (record == nullptr) {
        const auto known = vpc_of_.find(id);
        if (known != vpc_of_.end()) note(changes, VpcId(known->second), id, std::nullopt);
      } else if constexpr (std::is_same_v<Record, VpcRecord>) {
        note(changes, id, id, program_of(region, *record));
      } else {
        note(changes, record->vpc, id, program_of(region, *record));
      }
    }
  };
  take(touched.vpcs, static_cast<const VpcRecord*>(nullptr));
  take(touched.subnets, static_cast<const SubnetRecord*>(nullptr));
  take(touched.groups, static_cast<const SecurityGroupRecord*>(nullptr));
  take(touched.interfaces, static_cast<const NetworkInterfaceRecord*>(nullptr));
  for (const InstanceId& id : touched.instances) {
    const auto* record = region.find<InstanceRecord>(id);
    if (record == nullptr) {
      note_instance(changes, id, std::nullopt, {});
    } else {
      note_instance(changes, id, program_of(account_, region, *record),
                    record->host.empty() ? local_ : record->host);
    }
  }
  return changes;
}

void CardFeeds::note(Changes& changes, const VpcId& vpc, const contract::EntityId& id,
                     std::optional<contract::Entity> program) {
  Entities& entities = vpcs_[vpc].entities;
  const auto known = entities.find(id);
  if (known != entities.end()) {
    if (program && known->second == *program) return;
    count(changes, known->second, -1);
    entities.erase(known);
  } else if (!program) {
    return;
  }
  changes.of_vpcs.push_back({.vpc = vpc, .id = id, .is_there = program.has_value()});
  changes.vpcs.insert(vpc);
  if (program) {
    count(changes, *program, 1);
    if (const HostId* home = home_of(*program); home != nullptr && !home->empty())
      changes.new_homes.insert(*home);
    entities.emplace(id, std::move(*program));
    vpc_of_[id] = vpc;
  } else {
    vpc_of_.erase(id);
  }
}

// `entity` is of a VPC that is there.
void CardFeeds::count(Changes& changes, const contract::Entity& entity, std::int64_t by) {
  const HostId* home = home_of(entity);
  if (home == nullptr) return;
  Vpc& vpc = vpcs_.at(std::get<contract::InterfaceProgram>(entity).vpc);
  std::int64_t& number = home->empty() ? vpc.interfaces_on_none : vpc.interfaces_on[*home];
  const bool was_there = number > 0;
  number += by;
  changes.moved |= was_there != (number > 0);
  if (number == 0) vpc.interfaces_on.erase(*home);
}

void CardFeeds::note_instance(Changes& changes, const InstanceId& id,
                              std::optional<contract::InstanceProgram> program, const HostId& host) {
  const auto known = instances_.find(id);
  const bool was_known = known != instances_.end();
  if (!program) {
    if (!was_known) return;
    changes.instances.emplace(id, known->second.host);
    instances_.erase(known);
    return;
  }
  if (was_known && known->second.host == host && known->second.program == *program) return;
  changes.instances.emplace(id, was_known ? known->second.host : HostId());
  instances_.insert_or_assign(id, Instance{host, std::move(*program)});
}

void CardFeeds::tell_vpcs(const HostId& host, const Changes& changes, const Served& before,
                          contract::CardDelta& delta) const {
  for (const Change& change : changes.of_vpcs) {
    const bool was_served = before.contains({host, change.vpc});
    if (!was_served) continue;
    if (!change.is_there) {
      delta.removes.push_back(change.id);
    } else if (serves(host, change.vpc)) {
      delta.upserts.push_back(as_read_by(host, vpcs_.at(change.vpc).entities.at(change.id)));
    }
  }
  for (const VpcId& id : changes.vpcs) {
    const bool was_served = before.contains({host, id});
    if (was_served == serves(host, id)) continue;
    for (const auto& [entity_id, entity] : vpcs_.at(id).entities) {
      if (was_served) {
        delta.removes.push_back(entity_id);
      } else {
        delta.upserts.push_back(as_read_by(host, entity));
      }
    }
  }
}

void CardFeeds::tell_instances(const HostId& host, const Changes& changes, contract::CardDelta& delta) const {
  for (const auto& [id, before] : changes.instances) {
    const auto now = instances_.find(id);
    if (now != instances_.end() && now->second.host == host) {
      delta.upserts.push_back(now->second.program);
    } else if (before == host) {
      delta.removes.push_back(id);
    }
  }
}

void CardFeeds::tell_hosts(const HostId& host, contract::CardDelta& delta) {
  auto& told = fed_.at(host);
  auto now = hosts_for(host);
  for (const auto& [id, program] : now) {
    const auto known = told.find(id);
    if (known == told.end() || known->second != program) delta.upserts.push_back(program);
  }
  for (const auto& [id, program] : told)
    if (!now.contains(id)) delta.removes.push_back(id);
  told = std::move(now);
}

CardFeeds::Deltas CardFeeds::refresh_hosts() {
  Deltas deltas;
  for (const auto& [host, told] : fed_) {
    contract::CardDelta delta;
    tell_hosts(host, delta);
    if (!delta.upserts.empty() || !delta.removes.empty()) deltas.emplace_back(host, std::move(delta));
  }
  return deltas;
}

contract::CardSnapshot CardFeeds::feed(const HostId& host) {
  fed_[host] = hosts_for(host);
  return snapshot(host);
}

void CardFeeds::stop(const HostId& host) { fed_.erase(host); }

contract::CardSnapshot CardFeeds::snapshot(const HostId& host) const {
  contract::CardSnapshot snapshot;
  for (const auto& [id, program] : hosts_for(host)) snapshot.entities.push_back(program);
  for (const auto& [id, vpc] : vpcs_) {
    if (!serves(host, vpc)) continue;
    for (const auto& [entity_id, entity] : vpc.entities)
      snapshot.entities.push_back(as_read_by(host, entity));
  }
  for (const auto& [id, instance] : instances_)
    if (instance.host == host) snapshot.entities.push_back(instance.program);
  return snapshot;
}

bool CardFeeds::serves(const HostId& host, const Vpc& vpc) const {
  return vpc.interfaces_on.contains(host) || (host == local_ && vpc.interfaces_on_none > 0);
}

bool CardFeeds::serves(const HostId& host, const VpcId& vpc) const {
  const auto found = vpcs_.find(vpc);
  return found != vpcs_.end() && serves(host, found->second);
}

CardFeeds::Served CardFeeds::served_of(const std::set<VpcId>& vpcs) const {
  Served served;
  for (const auto& [host, told] : fed_)
    for (const VpcId& vpc : vpcs)
      if (serves(host, vpc)) served.emplace(host, vpc);
  return served;
}

// One whose card cannot be reached at all is not among them: a card counts what it would send there.
std::map<HostId, contract::HostProgram> CardFeeds::hosts_for(const HostId& reader) const {
  std::map<HostId, contract::HostProgram> needed;
  for (const auto& [vpc_id, vpc] : vpcs_) {
    if (!serves(reader, vpc)) continue;
    for (const auto& [id, interfaces] : vpc.interfaces_on) {
      const Host* host = hosts_.find(id);
      if (id == reader || host == nullptr || host->description.underlay_address.value == 0) continue;
      if (needed.contains(id)) continue;
      needed.emplace(
          id, contract::HostProgram{.id = id,
                                    .underlay_address = host->description.underlay_address,
                                    .pair_key = pair_key_ ? pair_key_(reader, id) : contract::PairKey{}});
    }
  }
  return needed;
}

}  // namespace enid::control
