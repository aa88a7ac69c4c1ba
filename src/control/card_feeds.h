// CardFeeds: what each host's card must know, and what of it changed.
//
// Theory of operation
//   A card needs the VPCs that it serves, those with an interface of an instance on its host, and of them
//   everything: every subnet, group and interface, wherever that is. It needs the metadata of its host's
//   instances, and how to reach the cards of the other hosts that serve its VPCs. Nothing else. The feeds
//   keep the program of every entity of every Region once, and count for each VPC how many interfaces are on
//   which host. update() makes the programs of what a transaction touched anew; those that did not change are
//   nobody's news. The others are told to the cards that serve their VPC. A VPC that a card begins to serve
//   is told as a whole, one that it serves no more is taken back as a whole. What is on no host (a free
//   interface, a stopped instance and its interfaces) belongs to the control plane's own machine: programs
//   there may hold such an interface (instances/device_server.h).
//
// Invariants
//   (1) Single thread: the control thread. No I/O.
//   (2) For a card that is fed: the snapshot of any time and the deltas since are the snapshot of now.
//   (3) An interface's program names its host here; the reader's own host is named by no name
//   (contract/card_program.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "contract/card_program.h"
#include "control/hosts.h"
#include "control/transaction.h"

namespace enid::control {

class CardFeeds {
 public:
  // Of two hosts; the same whoever comes first.
  using PairKeyOf = std::function<contract::PairKey(const HostId&, const HostId&)>;
  // Without revisions. Hosts that got another interface come first: until the others know, an old host's card
  // corrects who still sends there (docs/decisions/0012-between-hosts.md), and then the new one's must be
  // ready.
  using Deltas = std::vector<std::pair<HostId, contract::CardDelta>>;

  // `hosts` outlives it. `local`: the control plane's own machine, or empty.
  CardFeeds(std::string account, const Hosts& hosts, HostId local, PairKeyOf pair_key);

  // What the records say now of all that was touched; the deltas of the fed cards for which something
  // changed.
  Deltas update(const RegionModel& region, TouchedIds touched);
  // A Region that came from the store.
  Deltas add(const RegionModel& region);
  // A host's description changed, or it is forgotten.
  Deltas refresh_hosts();

  // The whole program of a host's card; from here on, deltas are for it.
  contract::CardSnapshot feed(const HostId& host);
  contract::CardSnapshot snapshot(const HostId& host) const;
  void stop(const HostId& host);

 private:
  using Entities = std::map<contract::EntityId, contract::Entity>;
  struct Vpc {
    Entities entities;  // It, its subnets, groups and interfaces.
    std::map<HostId, std::int64_t> interfaces_on;
    std::int64_t interfaces_on_none = 0;
  };
  struct Change {
    VpcId vpc;
    contract::EntityId id;
    bool is_there = true;
  };
  struct Instance {
    HostId host;  // Whose card serves it.
    contract::InstanceProgram program;
  };
  struct Changes {
    std::vector<Change> of_vpcs;
    std::set<VpcId> vpcs;
    std::map<InstanceId, HostId> instances;  // With the host that served it before; empty: none did.
    std::set<HostId> new_homes;              // Of interfaces.
    bool moved = false;                      // Some VPC's interfaces are on other hosts than before.
  };
  using Served = std::set<std::pair<HostId, VpcId>>;

  void note(Changes& changes, const VpcId& vpc, const contract::EntityId& id,
            std::optional<contract::Entity> program);
  void count(Changes& changes, const contract::Entity& entity, std::int64_t by);
  void note_instance(Changes& changes, const InstanceId& id, std::optional<contract::InstanceProgram> program,
                     const HostId& host);
  Changes take_in(const RegionModel& region, const TouchedIds& touched);
  void tell_vpcs(const HostId& host, const Changes& changes, const Served& before,
                 contract::CardDelta& delta) const;
  void tell_instances(const HostId& host, const Changes& changes, contract::CardDelta& delta) const;
  void tell_hosts(const HostId& host, contract::CardDelta& delta);

  bool serves(const HostId& host, const Vpc& vpc) const;
  bool serves(const HostId& host, const VpcId& vpc) const;
  Served served_of(const std::set<VpcId>& vpcs) const;
  std::map<HostId, contract::HostProgram> hosts_for(const HostId& reader) const;

  std::string account_;
  const Hosts& hosts_;
  HostId local_;
  PairKeyOf pair_key_;
  std::map<VpcId, Vpc> vpcs_;
  std::map<contract::EntityId, VpcId> vpc_of_;
  std::map<InstanceId, Instance> instances_;
  std::map<HostId, std::map<HostId, contract::HostProgram>>
      fed_;  // With the hosts that the card was told of.
};

}  // namespace enid::control
