// Transaction: one call's changes to a Region, made on the model at once and taken back when
// the call fails.
//
// Theory of operation
//   Calls run one after the other on the control thread, so a call may change the model in
//   place: nobody sees it half done. Each put() and erase() remembers what stood there before.
//   rollback() restores it; the control plane otherwise takes changes() to the store and the
//   card, and runs what the call asked of the instance runtime (control/runtime_action.h).
//
// Invariants
//   (1) A pointer from find() is good until the next put() or erase() of the same kind.
//   (2) A transaction that is neither committed nor rolled back rolls back when it ends.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "control/record_json.h"
#include "control/region_model.h"
#include "control/runtime_action.h"

namespace enid::control {

// Everything of the model that changed, by kind; what a card may have to hear of.
struct TouchedIds {
  std::set<VpcId> vpcs;
  std::set<SubnetId> subnets;
  std::set<SecurityGroupId> groups;
  std::set<NetworkInterfaceId> interfaces;
  std::set<InstanceId> instances;
};

struct StoreWrite {
  std::string key;
  std::optional<std::string> value;  // Empty: delete.
};

class Transaction {
 public:
  Transaction(RegionModel& region, std::string account, WallTime now, Random& random)
      : region_(region), account_(std::move(account)), now_(now), random_(random) {}
  ~Transaction() { rollback(); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  const RegionModel& region() const { return region_; }
  const std::string& account() const { return account_; }
  WallTime now() const { return now_; }
  Random& random() { return random_; }

  template <class Record>
  const Table<Record>& table() const {
    return region_.table<Record>();
  }
  template <class Record>
  const Record* find(const typename Record::Id& id) const {
    return region_.find<Record>(id);
  }
  // A new id that no record has.
  template <class Id>
  Id make_id() {
    return Id::make(random_);  // 68 random bits: a collision is not a case.
  }

  template <class Record>
  void put(Record record);
  template <class Record>
  void erase(const typename Record::Id& id);

  // Work for the instance runtime, begun once the changes are made.
  void act(RuntimeAction action) { actions_.push_back(std::move(action)); }

  bool changed() const { return !undo_.empty() || !actions_.empty(); }
  const TouchedIds& touched() const { return touched_; }
  std::vector<RuntimeAction> take_actions() { return std::move(actions_); }
  // What to store; each key once, with its last value.
  std::vector<StoreWrite> store_writes() const;

  void commit() {
    undo_.clear();
    writes_.clear();
  }
  void rollback();

 private:
  template <class Record>
  void remember(const typename Record::Id& id);
  template <class Id>
  void touch(const Id& id);

  RegionModel& region_;
  std::string account_;
  WallTime now_;
  Random& random_;
  std::vector<std::function<void()>> undo_;
  std::map<std::string, std::function<std::optional<std::string>()>> writes_;
  TouchedIds touched_;
  std::vector<RuntimeAction> actions_;
};

template <class Id>
void Transaction::touch(const Id& id) {
  if constexpr (std::is_same_v<Id, VpcId>) touched_.vpcs.insert(id);
  if constexpr (std::is_same_v<Id, SubnetId>) touched_.subnets.insert(id);
  if constexpr (std::is_same_v<Id, SecurityGroupId>) touched_.groups.insert(id);
  if constexpr (std::is_same_v<Id, NetworkInterfaceId>) touched_.interfaces.insert(id);
  if constexpr (std::is_same_v<Id, InstanceId>) touched_.instances.insert(id);
}

template <class Record>
void Transaction::remember(const typename Record::Id& id) {
  if (const Record* before = region_.find<Record>(id)) {
    undo_.push_back([this, record = *before] { region_.put<Record>(record); });
    if constexpr (std::is_same_v<Record, NetworkInterfaceRecord>)
      if (before->attachment) touch(before->attachment->instance);
  } else {
    undo_.push_back([this, id] { region_.erase<Record>(id); });
  }
  touch(id);
  writes_[record_key<Record>(region_.name(), id)] = [this, id]() -> std::optional<std::string> {
    const Record* now = region_.find<Record>(id);
    return now == nullptr ? std::nullopt : std::optional(to_json(*now));
  };
}

template <class Record>
void Transaction::put(Record record) {
  remember<Record>(record.id);
  if constexpr (std::is_same_v<Record, NetworkInterfaceRecord>)
    if (record.attachment) touch(record.attachment->instance);
  region_.put<Record>(std::move(record));
}

template <class Record>
void Transaction::erase(const typename Record::Id& id) {
  remember<Record>(id);
  region_.erase<Record>(id);
}

}  // namespace enid::control
