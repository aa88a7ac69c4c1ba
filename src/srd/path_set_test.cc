#include "srd/path_set.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace enid::srd {
namespace {

constexpr Duration kLifetime = Duration::from_microseconds(100);

TEST(PathSet, takes_turns_when_it_knows_nothing) {
  PathSet paths(16, Random(1));
  std::set<int> seen;
  for (int i = 0; i < 16; ++i) seen.insert(paths.select(Instant{}, kLifetime));
  EXPECT_EQ(seen.size(), 16U);
}

TEST(PathSet, uses_a_clean_slot_again_once_and_while_that_is_news) {
  PathSet paths(64, Random(1));
  const Instant now = Instant{} + Duration::from_microseconds(1);
  paths.on_masks(now, 1ULL << 40 | 1ULL << 41, 0);
  EXPECT_EQ(paths.select(now, kLifetime), 40);
  EXPECT_EQ(paths.recycled(), 1U);
  paths.select(now + kLifetime * 2, kLifetime);
  EXPECT_EQ(paths.recycled(), 0U) << "the other was too old";
}

TEST(PathSet, passes_over_a_late_slot_for_one_turn) {
  PathSet paths(4, Random(1));
  paths.on_masks(Instant{}, 0, 1ULL << 2);
  std::array<int, 4> used{};
  for (int i = 0; i < 7; ++i) ++used[paths.select(Instant{}, kLifetime)];
  EXPECT_EQ(used[2], 1);
}

TEST(PathSet, acknowledges_by_slots_without_penalty_in_turns) {
  PathSet paths(4, Random(1));
  paths.on_masks(Instant{}, 0, 1ULL << 2);
  std::array<int, 4> used{};
  for (int i = 0; i < 300; ++i) ++used[paths.select_for_acknowledgement()];
  EXPECT_EQ(used, (std::array<int, 4>{100, 100, 0, 100}));
}

TEST(PathSet, acknowledges_by_any_that_lives_when_all_have_penalties) {
  PathSet paths(4, Random(1));
  paths.on_masks(Instant{}, 0, 0b1111);
  for (int i = 0; i < 2; ++i) paths.on_loss(1, true);
  for (int i = 0; i < 20; ++i) EXPECT_NE(paths.select_for_acknowledgement(), 1);
}

TEST(PathSet, never_retransmits_by_the_same_slot) {
  PathSet paths(2, Random(1));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(paths.select(Instant{}, kLifetime, 1), 0);
}

TEST(PathSet, gives_a_dead_slot_another_port_and_takes_it_back_after_good_probes) {
  PathSet paths(8, Random(1));
  const std::uint16_t port = paths[3].port;
  EXPECT_FALSE(paths.on_loss(3, true));
  EXPECT_TRUE(paths.on_loss(3, true));
  EXPECT_NE(paths[3].port, port);
  EXPECT_EQ(paths.alive(), 7U);
  for (int i = 0; i < 300; ++i) EXPECT_NE(paths.select(Instant{}, kLifetime), 3);
  EXPECT_EQ(paths.next_dead(), 3);
  EXPECT_FALSE(paths.on_probe_answered(3));
  EXPECT_TRUE(paths.on_probe_answered(3));
  EXPECT_EQ(paths.next_dead(), PathSet::kNoSlot);
}

TEST(PathSet, does_not_blame_paths_for_losses_of_a_congested_network) {
  PathSet paths(8, Random(1));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(paths.on_loss(3, false));
  EXPECT_EQ(paths.alive(), 8U);
}

TEST(PathSet, keeps_half_of_its_slots_when_all_fail_at_once) {
  PathSet paths(8, Random(1));
  for (std::uint8_t slot = 0; slot < 8; ++slot) {
    paths.on_loss(slot, true);
    paths.on_loss(slot, true);
  }
  EXPECT_EQ(paths.alive(), 4U);
}

TEST(PathSet, forgives_a_loss_when_an_acknowledgement_comes_between) {
  PathSet paths(8, Random(1));
  paths.on_loss(3, true);
  paths.on_acknowledged(Instant{5}, 3, paths[3].next_sequence, Instant{1});
  EXPECT_FALSE(paths.on_loss(3, true));
}

}  // namespace
}  // namespace enid::srd
