#include "vpc/placement.h"

#include <algorithm>
#include <utility>

namespace enid::vpc {
namespace {

bool fits(const HostOffer& host, const PlacementRequest& request) {
  if (!host.usable || host.virtual_functions - host.in_use < request.interfaces) return false;
  switch (request.strategy) {
    case PlacementStrategy::kSpread:
      return host.members == 0;
    case PlacementStrategy::kPartition:
      return host.members == host.partition_members;
    case PlacementStrategy::kNone:
    case PlacementStrategy::kCluster:
      return true;
  }
  std::unreachable();
}

// Shares are compared without division: hosts have far fewer than 2^31 virtual functions.
bool is_less_loaded(const HostOffer& a, const HostOffer& b) {
  return a.in_use * b.virtual_functions < b.in_use * a.virtual_functions;
}

bool is_better(const HostOffer& a, const HostOffer& b, PlacementStrategy strategy) {
  if (strategy == PlacementStrategy::kCluster && a.members != b.members) return a.members > b.members;
  if (a.preferred != b.preferred) return a.preferred;
  return is_less_loaded(a, b);
}

}  // namespace

std::optional<PlacementStrategy> parse_placement_strategy(std::string_view text) {
  for (const auto strategy :
       {PlacementStrategy::kCluster, PlacementStrategy::kSpread, PlacementStrategy::kPartition})
    if (placement_strategy_name(strategy) == text) return strategy;
  return std::nullopt;
}

std::string_view placement_strategy_name(PlacementStrategy strategy) {
  switch (strategy) {
    case PlacementStrategy::kNone:
      return "";
    case PlacementStrategy::kCluster:
      return "cluster";
    case PlacementStrategy::kSpread:
      return "spread";
    case PlacementStrategy::kPartition:
      return "partition";
  }
  std::unreachable();
}

std::optional<std::size_t> choose_host(std::span<const HostOffer> hosts, const PlacementRequest& request) {
  if (request.strategy == PlacementStrategy::kSpread && request.members_in_zone >= kSpreadPerZoneMax)
    return std::nullopt;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < hosts.size(); ++i)
    if (fits(hosts[i], request) && (!best || is_better(hosts[i], hosts[*best], request.strategy))) best = i;
  return best;
}

std::int32_t choose_partition(std::span<const std::int32_t> members_by_partition) {
  return 1 + static_cast<std::int32_t>(std::ranges::min_element(members_by_partition) -
                                       members_by_partition.begin());
}

}  // namespace enid::vpc
