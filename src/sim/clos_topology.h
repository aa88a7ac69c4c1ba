// ClosTopology: where everything is, and which way leads where, by arithmetic.
//
// Theory of operation
//   Two shapes are one. A 3-tier fat tree has pods of leaves and aggregation switches: each leaf has a link
//   to each aggregation switch of its pod, aggregation switch number j of every pod has a link to each core
//   switch of group j. A leaf-spine fabric is one pod without cores; its aggregation switches are called
//   spines.
//
//   Everything is a number: hosts first, then leaves, aggregations, cores; so are ports (one direction of a
//   link, owned by who sends): host ports first, then each leaf's ports down and up, and so on. Neither
//   routes nor addresses are stored: the way down follows from the target's number, the way up is the
//   caller's choice among `choices` equal ports.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace enid::sim {

using NodeIndex = std::uint32_t;
using PortIndex = std::uint32_t;

enum class Tier : std::uint8_t { kHost, kLeaf, kAggregation, kCore };

// Which ports: who sends, to whom.
enum class LinkClass : std::uint8_t {
  kHostUp,
  kLeafDown,
  kLeafUp,
  kAggregationDown,
  kAggregationUp,
  kCoreDown
};

struct ClosShape {
  std::uint32_t pods = 1;
  std::uint32_t leaves_per_pod = 1;
  std::uint32_t hosts_per_leaf = 1;
  std::uint32_t aggregations_per_pod = 1;
  std::uint32_t cores_per_group = 0;  // 0: two tiers.
};

class ClosTopology {
 public:
  static constexpr std::uint32_t kHostsMax = 65'536;
  static constexpr std::uint32_t kPortsMax = 1 << 20;

  // The reference geometry: switches of `k` ports, k/2 of them down, k^3/4 hosts. 128 hosts are k = 8, 1,024
  // are 16, 8,192 are 32. Refuses a number of hosts that no even k makes.
  static Result<ClosShape> fat_tree(std::uint32_t hosts);
  static Result<void> check(const ClosShape& shape);

  explicit ClosTopology(const ClosShape& shape);

  const ClosShape& shape() const { return shape_; }
  std::uint32_t hosts() const { return hosts_; }
  std::uint32_t leaves() const { return leaves_; }
  std::uint32_t aggregations() const { return aggregations_; }
  std::uint32_t cores() const { return cores_; }
  std::uint32_t nodes() const { return hosts_ + leaves_ + aggregations_ + cores_; }
  PortIndex ports() const { return ports_; }

  Tier tier_of(NodeIndex node) const;
  NodeIndex leaf_node(std::uint32_t leaf) const { return hosts_ + leaf; }
  NodeIndex aggregation_node(std::uint32_t aggregation) const { return hosts_ + leaves_ + aggregation; }
  NodeIndex core_node(std::uint32_t core) const { return hosts_ + leaves_ + aggregations_ + core; }

  // Ports, by the numbers of their ends within the tier.
  PortIndex host_up(std::uint32_t host) const { return host; }
  PortIndex leaf_down(std::uint32_t host) const;
  PortIndex leaf_up(std::uint32_t leaf, std::uint32_t uplink) const;
  PortIndex aggregation_down(std::uint32_t aggregation, std::uint32_t leaf_in_pod) const;
  PortIndex aggregation_up(std::uint32_t aggregation, std::uint32_t uplink) const;
  PortIndex core_down(std::uint32_t core, std::uint32_t pod) const;
  // The port of the same link in the other direction.
  PortIndex reverse(PortIndex port) const;

  NodeIndex owner(PortIndex port) const;
  NodeIndex peer(PortIndex port) const;
  LinkClass class_of(PortIndex port) const;
  // For people: "leaf3->agg1", "core0->agg4" (or "spine" in two tiers).
  std::string name(PortIndex port) const;
  std::string node_name(NodeIndex node) const;

  // The ports of `node` that lead towards host `target`: `choices` of them from `first` on, one when down.
  struct Hop {
    PortIndex first;
    std::uint32_t choices;
  };
  Hop next_hop(NodeIndex node, std::uint32_t target) const;
  // How many switches and hosts' links a packet crosses between two hosts: 2, 4 or 6.
  std::uint32_t links_between(std::uint32_t source, std::uint32_t target) const;

 private:
  struct Place {
    Tier tier;
    std::uint32_t number;  // Of the node within its tier.
    std::uint32_t offset;  // Of the port within the node.
  };
  Place place_of(PortIndex port) const;

  ClosShape shape_;
  std::uint32_t hosts_per_pod_;
  std::uint32_t hosts_;
  std::uint32_t leaves_;
  std::uint32_t aggregations_;
  std::uint32_t cores_;
  std::uint32_t leaf_ports_;         // Of one leaf.
  std::uint32_t aggregation_ports_;  // Of one aggregation switch.
  PortIndex first_leaf_port_;
  PortIndex first_aggregation_port_;
  PortIndex first_core_port_;
  PortIndex ports_;
};

}  // namespace enid::sim
