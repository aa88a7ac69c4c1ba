#include "sim/clos_topology.h"

#include <fmt/format.h>

#include "base/check.h"

namespace enid::sim {
namespace {

std::unexpected<Error> bad_shape(std::string why) {
  return failure(std::make_error_code(std::errc::invalid_argument), std::move(why));
}

}  // namespace

Result<ClosShape> ClosTopology::fat_tree(std::uint32_t hosts) {
  for (std::uint32_t k = 2; k <= 64; k += 2) {
    if (k * k * k / 4 != hosts) continue;
    return ClosShape{k, k / 2, k / 2, k / 2, k / 2};
  }
  return bad_shape(fmt::format(
      "no fat tree has {} hosts; k*k*k/4 with an even k has: 16, 54, 128, 432, 1024, 8192, …", hosts));
}

Result<void> ClosTopology::check(const ClosShape& shape) {
  const std::uint32_t all[] = {shape.pods, shape.leaves_per_pod, shape.hosts_per_leaf,
                               shape.aggregations_per_pod};
  for (const std::uint32_t count : all) {
    if (count == 0 || count > 4096) return bad_shape("every count must be from 1 to 4096");
  }
  if (shape.cores_per_group > 4096) return bad_shape("at most 4096 core links an aggregation switch");
  if (shape.pods > 1 && shape.cores_per_group == 0) return bad_shape("more than one pod needs core switches");
  const std::uint64_t leaves = std::uint64_t{shape.pods} * shape.leaves_per_pod;
  const std::uint64_t hosts = leaves * shape.hosts_per_leaf;
  if (hosts > kHostsMax) return bad_shape(fmt::format("{} hosts; at most {}", hosts, kHostsMax));
  const std::uint64_t ports =
      2 * (hosts + leaves * shape.aggregations_per_pod +
           std::uint64_t{shape.pods} * shape.aggregations_per_pod * shape.cores_per_group);
  if (ports > kPortsMax) return bad_shape(fmt::format("{} ports; at most {}", ports, kPortsMax));
  return {};
}

ClosTopology::ClosTopology(const ClosShape& shape) : shape_(shape) {
  CHECK(check(shape));
  hosts_per_pod_ = shape.leaves_per_pod * shape.hosts_per_leaf;
  hosts_ = shape.pods * hosts_per_pod_;
  leaves_ = shape.pods * shape.leaves_per_pod;
  aggregations_ = shape.pods * shape.aggregations_per_pod;
  cores_ = shape.aggregations_per_pod * shape.cores_per_group;
  leaf_ports_ = shape.hosts_per_leaf + shape.aggregations_per_pod;
  aggregation_ports_ = shape.leaves_per_pod + shape.cores_per_group;
  first_leaf_port_ = hosts_;
  first_aggregation_port_ = first_leaf_port_ + leaves_ * leaf_ports_;
  first_core_port_ = first_aggregation_port_ + aggregations_ * aggregation_ports_;
  ports_ = first_core_port_ + cores_ * shape.pods;
}

Tier ClosTopology::tier_of(NodeIndex node) const {
  if (node < hosts_) return Tier::kHost;
  if (node < hosts_ + leaves_) return Tier::kLeaf;
  return node < hosts_ + leaves_ + aggregations_ ? Tier::kAggregation : Tier::kCore;
}

PortIndex ClosTopology::leaf_down(std::uint32_t host) const {
  return first_leaf_port_ + host / shape_.hosts_per_leaf * leaf_ports_ + host % shape_.hosts_per_leaf;
}

PortIndex ClosTopology::leaf_up(std::uint32_t leaf, std::uint32_t uplink) const {
  return first_leaf_port_ + leaf * leaf_ports_ + shape_.hosts_per_leaf + uplink;
}

PortIndex ClosTopology::aggregation_down(std::uint32_t aggregation, std::uint32_t leaf_in_pod) const {
  return first_aggregation_port_ + aggregation * aggregation_ports_ + leaf_in_pod;
}

PortIndex ClosTopology::aggregation_up(std::uint32_t aggregation, std::uint32_t uplink) const {
  return first_aggregation_port_ + aggregation * aggregation_ports_ + shape_.leaves_per_pod + uplink;
}

PortIndex ClosTopology::core_down(std::uint32_t core, std::uint32_t pod) const {
  return first_core_port_ + core * shape_.pods + pod;
}

ClosTopology::Place ClosTopology::place_of(PortIndex port) const {
  if (port < first_leaf_port_) return {Tier::kHost, port, 0};
  if (port < first_aggregation_port_) {
    const std::uint32_t at = port - first_leaf_port_;
    return {Tier::kLeaf, at / leaf_ports_, at % leaf_ports_};
  }
  if (port < first_core_port_) {
    const std::uint32_t at = port - first_aggregation_port_;
    return {Tier::kAggregation, at / aggregation_ports_, at % aggregation_ports_};
  }
  const std::uint32_t at = port - first_core_port_;
  return {Tier::kCore, at / shape_.pods, at % shape_.pods};
}

PortIndex ClosTopology::reverse(PortIndex port) const {
  const auto [tier, number, offset] = place_of(port);
  switch (tier) {
    case Tier::kHost:
      return leaf_down(number);
    case Tier::kLeaf: {
      if (offset < shape_.hosts_per_leaf) return host_up(number * shape_.hosts_per_leaf + offset);
      const std::uint32_t pod = number / shape_.leaves_per_pod;
      const std::uint32_t aggregation = pod * shape_.aggregations_per_pod + offset - shape_.hosts_per_leaf;
      return aggregation_down(aggregation, number % shape_.leaves_per_pod);
    }
    case Tier::kAggregation: {
      const std::uint32_t pod = number / shape_.aggregations_per_pod;
      const std::uint32_t group = number % shape_.aggregations_per_pod;
      if (offset < shape_.leaves_per_pod) return leaf_up(pod * shape_.leaves_per_pod + offset, group);
      return core_down(group * shape_.cores_per_group + offset - shape_.leaves_per_pod, pod);
    }
    case Tier::kCore:
      break;
  }
  const std::uint32_t group = number / shape_.cores_per_group;
  return aggregation_up(offset * shape_.aggregations_per_pod + group, number % shape_.cores_per_group);
}

NodeIndex ClosTopology::owner(PortIndex port) const {
  const auto [tier, number, offset] = place_of(port);
  switch (tier) {
    case Tier::kHost:
      return number;
    case Tier::kLeaf:
      return leaf_node(number);
    case Tier::kAggregation:
      return aggregation_node(number);
    case Tier::kCore:
      break;
  }
  return core_node(number);
}

NodeIndex ClosTopology::peer(PortIndex port) const { return owner(reverse(port)); }

LinkClass ClosTopology::class_of(PortIndex port) const {
  const auto [tier, number, offset] = place_of(port);
  switch (tier) {
    case Tier::kHost:
      return LinkClass::kHostUp;
    case Tier::kLeaf:
      return offset < shape_.hosts_per_leaf ? LinkClass::kLeafDown : LinkClass::kLeafUp;
    case Tier::kAggregation:
      return offset < shape_.leaves_per_pod ? LinkClass::kAggregationDown : LinkClass::kAggregationUp;
    case Tier::kCore:
      break;
  }
  return LinkClass::kCoreDown;
}

std::string ClosTopology::node_name(NodeIndex node) const {
  switch (tier_of(node)) {
    case Tier::kHost:
      return fmt::format("host{}", node);
    case Tier::kLeaf:
      return fmt::format("leaf{}", node - hosts_);
    case Tier::kAggregation:
      return fmt::format("{}{}", cores_ == 0 ? "spine" : "agg", node - hosts_ - leaves_);
    case Tier::kCore:
      break;
  }
  return fmt::format("core{}", node - hosts_ - leaves_ - aggregations_);
}

std::string ClosTopology::name(PortIndex port) const {
  return fmt::format("{}->{}", node_name(owner(port)), node_name(peer(port)));
}

ClosTopology::Hop ClosTopology::next_hop(NodeIndex node, std::uint32_t target) const {
  if (node < hosts_) return {node, 1};
  const std::uint32_t target_leaf = target / shape_.hosts_per_leaf;
  const std::uint32_t leaf = node - hosts_;
  if (leaf < leaves_) {
    const PortIndex ports = first_leaf_port_ + leaf * leaf_ports_;
    if (target_leaf == leaf) return {ports + target - leaf * shape_.hosts_per_leaf, 1};
    return {ports + shape_.hosts_per_leaf, shape_.aggregations_per_pod};
  }
  const std::uint32_t target_pod = target_leaf / shape_.leaves_per_pod;
  const std::uint32_t aggregation = leaf - leaves_;
  if (aggregation < aggregations_) {
    const PortIndex ports = first_aggregation_port_ + aggregation * aggregation_ports_;
    const std::uint32_t pod = aggregation / shape_.aggregations_per_pod;
    if (pod == target_pod) return {ports + target_leaf - pod * shape_.leaves_per_pod, 1};
    return {ports + shape_.leaves_per_pod, shape_.cores_per_group};
  }
  return {first_core_port_ + (aggregation - aggregations_) * shape_.pods + target_pod, 1};
}

std::uint32_t ClosTopology::links_between(std::uint32_t source, std::uint32_t target) const {
  if (source / shape_.hosts_per_leaf == target / shape_.hosts_per_leaf) return 2;
  return source / hosts_per_pod_ == target / hosts_per_pod_ ? 4 : 6;
}

}  // namespace enid::sim
