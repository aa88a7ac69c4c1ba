#include "control/operations/tags.h"

#include <algorithm>
#include <type_traits>

namespace enid::control {
namespace {

constexpr std::string_view kReservedPrefix = "aws:";

// Calls act.operator()<Record>() for each kind of record that has tags.
template <class Act>
void for_each_kind(Act&& act) {
  act.template operator()<VpcRecord>();
  act.template operator()<SubnetRecord>();
  act.template operator()<SecurityGroupRecord>();
  act.template operator()<NetworkInterfaceRecord>();
  act.template operator()<InstanceRecord>();
  act.template operator()<PlacementGroupRecord>();
  act.template operator()<KeyPairRecord>();
  act.template operator()<LaunchTemplateRecord>();
  act.template operator()<RouteTableRecord>();
  act.template operator()<NetworkAclRecord>();
  act.template operator()<DhcpOptionsRecord>();
}

bool has_volume(const InstanceRecord& instance) { return instance.state != InstanceState::kTerminated; }

bool set_rule_tags(Transaction& transaction, const SecurityGroupRuleId& id, const Tags& tags) {
  for (const auto& [group_id, group] : transaction.table<SecurityGroupRecord>()) {
    const auto rule = std::ranges::find(group.rules, id, &SecurityGroupRule::id);
    if (rule == group.rules.end()) continue;
    SecurityGroupRecord changed = group;
    changed.rules[static_cast<std::size_t>(rule - group.rules.begin())].tags = tags;
    transaction.put(std::move(changed));
    return true;
  }
  return false;
}

bool set_volume_tags(Transaction& transaction, const VolumeId& id, const Tags& tags) {
  for (const auto& [instance_id, instance] : transaction.table<InstanceRecord>()) {
    if (instance.root_volume != id || !has_volume(instance)) continue;
    InstanceRecord changed = instance;
    changed.root_volume_tags = tags;
    transaction.put(std::move(changed));
    return true;
  }
  return false;
}

}  // namespace

bool is_reserved_tag_key(std::string_view key) {
  const auto lower = [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter;
  };
  return std::ranges::equal(key.substr(0, kReservedPrefix.size()), kReservedPrefix, {}, lower);
}

Tags shown_tags(const RegionModel& region, const InstanceRecord& instance) {
  Tags tags = instance.tags;
  const bool is_one_of_several = region.hosts().all().size() > 1;
  if (is_one_of_several && !instance.host.empty()) tags["aws:enid:host"] = instance.host.text();
  return tags;
}

void for_each_tagged(const RegionModel& region, const std::function<void(const TaggedResource&)>& visit) {
  for_each_kind([&]<class Record>() {
    for (const auto& [id, record] : region.table<Record>()) {
      if constexpr (std::is_same_v<Record, InstanceRecord>) {
        visit({kRecordFolder<Record>, id.text(), shown_tags(region, record)});
      } else {
        visit({kRecordFolder<Record>, id.text(), record.tags});
      }
    }
  });
  for (const auto& [id, group] : region.table<SecurityGroupRecord>())
    for (const SecurityGroupRule& rule : group.rules)
      visit({"security-group-rule", rule.id.text(), rule.tags});
  for (const auto& [id, instance] : region.table<InstanceRecord>())
    if (has_volume(instance)) visit({"volume", instance.root_volume.text(), instance.root_volume_tags});
}

const Tags* find_tags(const RegionModel& region, const std::string& id) {
  const Tags* found = nullptr;
  for_each_kind([&]<class Record>() {
    const auto parsed = Record::Id::parse(id);
    const Record* record = parsed ? region.find<Record>(*parsed) : nullptr;
    if (record != nullptr) found = &record->tags;
  });
  if (const auto rule_id = SecurityGroupRuleId::parse(id))
    for (const auto& [group_id, group] : region.table<SecurityGroupRecord>())
      for (const SecurityGroupRule& rule : group.rules)
        if (rule.id == *rule_id) found = &rule.tags;
  if (const auto volume = VolumeId::parse(id))
    for (const auto& [instance_id, instance] : region.table<InstanceRecord>())
      if (instance.root_volume == *volume && has_volume(instance)) found = &instance.root_volume_tags;
  return found;
}

bool set_tags(Transaction& transaction, const std::string& id, Tags tags) {
  bool done = false;
  for_each_kind([&]<class Record>() {
    const auto parsed = Record::Id::parse(id);
    const Record* record = parsed ? transaction.find<Record>(*parsed) : nullptr;
    if (record == nullptr) return;
    Record changed = *record;
    changed.tags = tags;
    transaction.put(std::move(changed));
    done = true;
  });
  if (const auto rule = SecurityGroupRuleId::parse(id)) return set_rule_tags(transaction, *rule, tags);
  if (const auto volume = VolumeId::parse(id)) return set_volume_tags(transaction, *volume, tags);
  return done;
}

}  // namespace enid::control
