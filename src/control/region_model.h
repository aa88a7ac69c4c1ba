// RegionModel: everything one Region of one account has, in memory, with the indexes that
// calls need so that none of them reads a whole table to answer about one thing.
//
// Theory of operation
//   put() and erase() are the only ways to change it, and keep the indexes. Callers use them
//   through a Transaction, which can take everything back.
//
// Invariants
//   (1) Single thread: the control thread.
//   (2) Every index follows from the tables alone; restoring the tables restores the indexes.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "control/records.h"
#include "control/shared_by_regions.h"
#include "control/table.h"

namespace enid::control {

class RegionModel {
 public:
  explicit RegionModel(std::string name,
                       std::shared_ptr<SharedByRegions> shared = SharedByRegions::with_local_host())
      : name_(std::move(name)), shared_(std::move(shared)) {}
  RegionModel(const RegionModel&) = delete;
  RegionModel& operator=(const RegionModel&) = delete;

  const std::string& name() const { return name_; }

  template <class Record>
  const Table<Record>& table() const {
    return std::get<Table<Record>>(tables_);
  }
  template <class Record>
  const Record* find(const typename Record::Id& id) const {
    return table<Record>().find(id);
  }

  const std::set<SubnetId>& subnets_of(const VpcId& vpc) const;
  const std::set<NetworkInterfaceId>& interfaces_in(const SubnetId& subnet) const;
  const std::set<NetworkInterfaceId>& interfaces_in(const SecurityGroupId& group) const;
  // All attached to the instance, in order of device index.
  std::vector<const NetworkInterfaceRecord*> interfaces_of(const InstanceId& instance) const;
  const NetworkInterfaceRecord* interface_with(const AttachmentId& attachment) const;
  // Who holds an address, or a delegated prefix around it. Null: it is free.
  const NetworkInterfaceRecord* holder_of(const SubnetId& subnet, Ipv4Address address) const;
  // How many addresses of the subnet are taken, those of prefixes too.
  std::uint64_t addresses_taken(const SubnetId& subnet) const;
  // Taken addresses in order; a prefix counts as each of its addresses.
  const std::map<Ipv4Address, NetworkInterfaceId>& addresses_in(const SubnetId& subnet) const;
  // Whose virtual functions the attached interfaces hold; those of other Regions count, too.
  const Hosts& hosts() const { return shared_->hosts; }
  bool vni_in_use(std::int32_t vni) const { return shared_->vnis.contains(vni); }
  bool mac_in_use(const MacAddress& mac) const { return macs_.contains(mac); }
  const SecurityGroupRecord* group_named(const VpcId& vpc, const std::string& name) const;
  const PlacementGroupRecord* placement_group_named(const std::string& name) const;
  const KeyPairRecord* key_pair_named(const std::string& name) const;

  // Used by Transaction, and by recovery from the store.
  template <class Record>
  void put(Record record);
  template <class Record>
  void erase(const typename Record::Id& id);

 private:
  template <class Record>
  void index(const Record&, bool) {}  // Most kinds have none.
  void index(const VpcRecord& vpc, bool add);
  void index(const SubnetRecord& subnet, bool add);
  void index(const NetworkInterfaceRecord& interface, bool add);

  std::string name_;
  std::shared_ptr<SharedByRegions> shared_;
  std::tuple<Table<VpcRecord>, Table<SubnetRecord>, Table<SecurityGroupRecord>, Table<NetworkInterfaceRecord>,
             Table<NetworkInterfacePermissionRecord>, Table<InstanceRecord>, Table<PlacementGroupRecord>,
             Table<KeyPairRecord>, Table<LaunchTemplateRecord>, Table<LaunchTemplateVersionRecord>,
             Table<RouteTableRecord>, Table<NetworkAclRecord>, Table<DhcpOptionsRecord>,
             Table<ClientTokenRecord>>
      tables_;

  std::map<VpcId, std::set<SubnetId>> subnets_of_vpc_;
  std::map<SubnetId, std::set<NetworkInterfaceId>> interfaces_of_subnet_;
  std::map<SecurityGroupId, std::set<NetworkInterfaceId>> interfaces_of_group_;
  std::map<InstanceId, std::set<NetworkInterfaceId>> interfaces_of_instance_;
  std::map<AttachmentId, NetworkInterfaceId> attachments_;
  std::map<SubnetId, std::map<Ipv4Address, NetworkInterfaceId>> addresses_;
  std::set<MacAddress> macs_;
};

template <class Record>
void RegionModel::put(Record record) {
  auto& rows = std::get<Table<Record>>(tables_).rows_;
  const auto row = rows.find(record.id);
  if (row != rows.end()) {
    index(row->second, false);
    row->second = std::move(record);
    index(row->second, true);
    return;
  }
  const auto id = record.id;
  index(rows.emplace(id, std::move(record)).first->second, true);
}

template <class Record>
void RegionModel::erase(const typename Record::Id& id) {
  auto& rows = std::get<Table<Record>>(tables_).rows_;
  const auto row = rows.find(id);
  if (row == rows.end()) return;
  index(row->second, false);
  rows.erase(row);
}

}  // namespace enid::control
