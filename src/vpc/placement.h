// Placement of instances: which host an instance runs on.
//
// Theory of operation
//   Of the hosts that can be reached, serve the Availability Zone and have enough virtual functions free, the
//   least loaded one: the one with the smallest share of its virtual functions in use, then the first. A
//   placement group changes that:
//     cluster    near each other: a host that has members already, the one with the most of them;
//     spread     apart: only a host without a member, and at most seven in a zone;
//     partition  a host never has members of two partitions.
//   A host that is preferred (the one with the instance's files) is taken before others that are as good for
//   the group.
//
// Documented: EC2 User Guide, "Placement groups": "up to a maximum of seven running instances per
// Availability Zone per group" for spread; partitions "do not share the underlying hardware". Chosen: the
// order; EC2 tells nothing of its own. The rule looks only at its arguments, so that the same history gives
// the same placement.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace enid::vpc {

inline constexpr std::int32_t kSpreadPerZoneMax = 7;
inline constexpr std::int32_t kPartitionsMax =
    7;  // Documented: CreatePlacementGroup, PartitionCount: 1 to 7.

enum class PlacementStrategy : std::uint8_t { kNone, kCluster, kSpread, kPartition };

// "cluster", "spread", "partition"; empty for others.
std::optional<PlacementStrategy> parse_placement_strategy(std::string_view text);
std::string_view placement_strategy_name(PlacementStrategy strategy);  // Not of kNone.

// One host, as it is for one instance.
struct HostOffer {
  bool usable = true;  // It can be reached, and serves the zone.
  bool preferred = false;
  std::int64_t virtual_functions = 0;
  std::int64_t in_use = 0;
  std::int32_t members = 0;            // Of the instance's placement group.
  std::int32_t partition_members = 0;  // Of these, in the instance's partition.
};

struct PlacementRequest {
  std::int64_t interfaces = 1;  // Each takes a virtual function.
  PlacementStrategy strategy = PlacementStrategy::kNone;
  std::int32_t members_in_zone = 0;  // Of the placement group, on whatever host.
};

// Index into `hosts`. Empty: none has the capacity.
std::optional<std::size_t> choose_host(std::span<const HostOffer> hosts, const PlacementRequest& request);

// The partition, from 1, with the fewest members; the first of these. Not empty.
// Documented: EC2 User Guide, "Partition placement groups": "Amazon EC2 tries to evenly distribute the
// instances".
std::int32_t choose_partition(std::span<const std::int32_t> members_by_partition);

}  // namespace enid::vpc
