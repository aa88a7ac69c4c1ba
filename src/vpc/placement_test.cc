#include "vpc/placement.h"

#include <gtest/gtest.h>

#include <vector>

namespace enid::vpc {
namespace {

using Offers = std::vector<HostOffer>;

HostOffer host(std::int64_t in_use, std::int64_t virtual_functions = 256) {
  return {.virtual_functions = virtual_functions, .in_use = in_use};
}
HostOffer with_members(std::int32_t members, std::int32_t of_partition = 0) {
  HostOffer offer = host(members);
  offer.members = members;
  offer.partition_members = of_partition;
  return offer;
}

int chosen(const Offers& offers, const PlacementRequest& request = {}) {
  const auto index = choose_host(offers, request);
  return index ? static_cast<int>(*index) : -1;
}

TEST(Placement, takes_the_least_loaded_host_and_then_the_first) {
  EXPECT_EQ(chosen({host(3), host(2), host(2)}), 1);
  EXPECT_EQ(chosen({host(0), host(0)}), 0);
  EXPECT_EQ(chosen({host(2, 4), host(3, 16)}), 1) << "the share of its virtual functions counts";
}

TEST(Placement, takes_no_host_that_is_lost_or_of_another_zone_or_too_full) {
  Offers offers = {host(0), host(200)};
  offers[0].usable = false;
  EXPECT_EQ(chosen(offers), 1);
  EXPECT_EQ(chosen({host(255), host(254)}, {.interfaces = 2}), 1);
  EXPECT_EQ(chosen({host(255), host(255)}, {.interfaces = 2}), -1);
  EXPECT_EQ(chosen({}), -1);
}

TEST(Placement, goes_back_to_where_the_files_are) {
  Offers offers = {host(0), host(9)};
  offers[1].preferred = true;
  EXPECT_EQ(chosen(offers), 1);
  offers[1].in_use = 256;
  EXPECT_EQ(chosen(offers), 0);
}

TEST(Placement, keeps_a_cluster_together_while_there_is_room) {
  constexpr PlacementRequest kCluster{.strategy = PlacementStrategy::kCluster};
  EXPECT_EQ(chosen({host(0), with_members(2), with_members(3)}, kCluster), 2);
  Offers full = {host(5), with_members(2), with_members(3)};
  full[2].in_use = 256;
  EXPECT_EQ(chosen(full, kCluster), 1);
  EXPECT_EQ(chosen({host(7), host(5)}, kCluster), 1) << "the first member goes where there is most room";
}

TEST(Placement, spreads_over_distinct_hosts_and_seven_in_a_zone) {
  constexpr PlacementRequest kSpread{.strategy = PlacementStrategy::kSpread, .members_in_zone = 1};
  EXPECT_EQ(chosen({host(9), with_members(1)}, kSpread), 0);
  EXPECT_EQ(chosen({with_members(1), with_members(1)}, kSpread), -1);
  EXPECT_EQ(chosen({host(0)}, {.strategy = PlacementStrategy::kSpread, .members_in_zone = 6}), 0);
  EXPECT_EQ(chosen({host(0)}, {.strategy = PlacementStrategy::kSpread, .members_in_zone = 7}), -1);
}

TEST(Placement, never_puts_two_partitions_on_one_host) {
  constexpr PlacementRequest kPartition{.strategy = PlacementStrategy::kPartition};
  EXPECT_EQ(chosen({with_members(2, 0), with_members(5, 5)}, kPartition), 1);
  EXPECT_EQ(chosen({with_members(2, 1), host(8)}, kPartition), 1);
  EXPECT_EQ(chosen({with_members(2, 0)}, kPartition), -1);
}

TEST(Placement, fills_partitions_evenly) {
  EXPECT_EQ(choose_partition(std::vector<std::int32_t>{0, 0, 0}), 1);
  EXPECT_EQ(choose_partition(std::vector<std::int32_t>{2, 1, 1}), 2);
}

TEST(Placement, knows_the_strategies_by_name) {
  for (const char* name : {"cluster", "spread", "partition"})
    EXPECT_EQ(placement_strategy_name(parse_placement_strategy(name).value()), name);
  EXPECT_FALSE(parse_placement_strategy("near"));
  EXPECT_FALSE(parse_placement_strategy(""));
}

}  // namespace
}  // namespace enid::vpc
