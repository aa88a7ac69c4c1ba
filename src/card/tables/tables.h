// Tables: the card's copy of the program, indexed for the stages.
//
// Theory of operation
//   Entities may arrive in any order and name others that are not there (yet). So they are kept
//   as they are, and an interface finds what it names only when it is needed (resolve()),
//   at most once after each change. Addresses and group members are indexed at the upsert.
//
// Invariants
//   (1) Pointers to an Interface stay valid until it has neither program nor port.
//   (2) address -> interface is exact at every moment: an address that moves from one interface
//       to another within one delta is found at the new one, in whatever order they come.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "card/services/service_interface.h"
#include "card/tables/interface.h"
#include "card/tables/remote_host.h"
#include "contract/card_program.h"

namespace enid::card {

struct Vpc {
  bool programmed = false;
  contract::VpcProgram program;
  std::unordered_map<std::uint32_t, InterfaceHandle> addresses;
  std::unordered_map<std::uint64_t, InterfaceHandle> prefixes;  // By length and address.
  std::array<std::uint32_t, 33> prefixes_of_length{};
  std::unordered_map<std::uint64_t, InterfaceHandle>
      macs;  // How frames from other hosts name their receiver.
  std::optional<InterfaceHandle> entrance;
};

// What an upsert or remove means for those who hold derived state.
struct ProgramChange {
  bool decisions = false;  // A packet that passed before might not pass now.
  std::optional<InterfaceHandle> forgotten =
      std::nullopt;                // This handle is another instance's now, or nobody's.
  bool interface_removed = false;  // `forgotten` has no program any more.
};

class Tables final : public VpcDirectory {
 public:
  // `own_host`: whose interfaces are here. Empty: all are.
  explicit Tables(HostId own_host = {}) : own_host_(std::move(own_host)) {}

  ProgramChange upsert(const contract::Entity& entity);
  ProgramChange remove(const contract::EntityId& id);
  std::vector<contract::EntityId> all_ids() const;

  Interface* find_interface(const NetworkInterfaceId& id);
  // Makes it, without a program, when it is not known.
  Interface& interface_of(const NetworkInterfaceId& id);
  // Null when the handle is nobody's.
  Interface* at(InterfaceHandle handle) {
    return handle < by_handle_.size() ? by_handle_[handle].get() : nullptr;
  }
  // Forgets the interface if nothing holds it any more.
  void release_if_unused(Interface& interface);

  void resolve(Interface& interface);
  // The interface that has the address; null: nobody.
  Interface* owner_of(const Vpc& vpc, Ipv4Address address);
  // Of another host's frame: the interface with this MAC in the VPC. Null: there is none.
  Interface* receiver_of(const Vpc& vpc, const MacAddress& mac);
  // Where frames of the VPC with this number come in. Null: no such VPC.
  Interface* entrance_of(std::uint32_t vni);
  RemoteHost* find_host(const HostId& id) {
    const auto found = hosts_.find(id);
    return found == hosts_.end() ? nullptr : &found->second;
  }
  template <class Function>
  void for_each_host(Function&& function) const {
    for (const auto& [id, host] : hosts_) function(host);
  }
  template <class Function>
  void for_each_host(Function&& function) {
    for (auto& [id, host] : hosts_) function(host);
  }
  // The interface has moved to the host at this address, which is newer than what the program says.
  void note_move(Interface& interface, Ipv4Address host);
  // Null: no host's card has this address.
  RemoteHost* host_at(Ipv4Address underlay_address);
  ServiceInterface service_view(Interface& interface, const MacAddress& router_mac);

  bool is_primary_address(const VpcId& vpc, Ipv4Address address) const override;
  std::optional<MacAddress> mac_of(const VpcId& vpc, Ipv4Address address) const override;

  template <class Function>
  void for_each_interface(Function&& function) const {
    for (const auto& interface : by_handle_)
      if (interface != nullptr) function(*interface);
  }

 private:
  ProgramChange put(const contract::HostProgram& program);
  ProgramChange put(const contract::VpcProgram& program);
  ProgramChange put(const contract::SubnetProgram& program);
  ProgramChange put(const contract::SecurityGroupProgram& program);
  ProgramChange put(const contract::InterfaceProgram& program);
  ProgramChange put(const contract::InstanceProgram& program);
  ProgramChange drop(const HostId& id);
  ProgramChange drop(const VpcId& id);
  ProgramChange drop(const SubnetId& id);
  ProgramChange drop(const SecurityGroupId& id);
  ProgramChange drop(const NetworkInterfaceId& id);
  ProgramChange drop(const InstanceId& id);

  void release_entrance(Vpc& vpc);
  bool index(const Interface& interface);  // True when an address was another interface's before.
  void unindex(const Interface& interface);
  SecurityGroup& group_of(const SecurityGroupId& id) { return groups_[id]; }
  void release_group_if_unused(const SecurityGroupId& id);
  void release_vpc_if_unused(const VpcId& id);
  const Interface* owner_of(const Vpc& vpc, Ipv4Address address) const;

  HostId own_host_;
  std::unordered_map<HostId, RemoteHost> hosts_;  // Without our own.
  std::unordered_map<std::uint32_t, HostId> hosts_by_address_;
  std::unordered_map<std::uint32_t, VpcId> vpcs_by_vni_;
  std::unordered_map<VpcId, Vpc> vpcs_;
  std::unordered_map<SubnetId, contract::SubnetProgram> subnets_;
  std::unordered_map<SecurityGroupId, SecurityGroup> groups_;
  std::unordered_map<InstanceId, contract::InstanceProgram> instances_;
  std::unordered_map<NetworkInterfaceId, InterfaceHandle> handles_;
  std::vector<std::unique_ptr<Interface>> by_handle_;
  std::vector<InterfaceHandle> free_handles_;
  std::uint64_t version_ = 1;  // Moves with every change; see resolve().
};

}  // namespace enid::card
