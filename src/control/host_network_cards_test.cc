#include "control/host_network_cards.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "base/random.h"

namespace enid::control {
namespace {

VirtualFunction function(std::int32_t card, std::int32_t number) { return {"host-1", card, number}; }

TEST(HostNetworkCards, give_the_lowest_free_number_of_the_emptiest_card) {
  HostNetworkCards cards({.network_cards = 2, .virtual_functions_per_card = 2});
  for (const VirtualFunction& expected : {function(0, 0), function(1, 0), function(0, 1), function(1, 1)}) {
    const auto chosen = cards.choose({}, 0);
    ASSERT_EQ(chosen, expected);
    cards.hold(*chosen);
  }
  EXPECT_EQ(cards.choose({}, 0), std::nullopt);
  EXPECT_EQ(cards.free(), 0);
  cards.release(function(1, 0));
  EXPECT_EQ(cards.choose({}, 0), function(1, 0));
}

TEST(HostNetworkCards, know_of_no_virtual_function_that_is_not_theirs) {
  const HostNetworkCards cards({.network_cards = 1, .virtual_functions_per_card = 4});
  EXPECT_TRUE(cards.is_free(function(0, 3)));
  for (const VirtualFunction& odd :
       {function(0, 4), function(1, 0), function(-1, 0), function(0, -1), VirtualFunction{"host-2", 0, 0}})
    EXPECT_FALSE(cards.is_free(odd)) << odd.host << " " << odd.card << " " << odd.number;
}

TEST(HostNetworkCards, can_grow_and_shrink_to_what_is_in_use) {
  HostNetworkCards cards({.network_cards = 2, .virtual_functions_per_card = 4});
  cards.hold(function(0, 1));
  cards.hold(function(1, 0));
  EXPECT_EQ(cards.first_lost_with({.network_cards = 1, .virtual_functions_per_card = 4}), function(1, 0));
  EXPECT_EQ(cards.first_lost_with({.network_cards = 2, .virtual_functions_per_card = 1}), function(0, 1));
  const NetworkCardSettings smaller{.network_cards = 2, .virtual_functions_per_card = 2};
  ASSERT_EQ(cards.first_lost_with(smaller), std::nullopt);
  cards.resize(smaller);
  EXPECT_EQ(cards.free(), 2);
  cards.resize({.network_cards = 3, .virtual_functions_per_card = 256});
  EXPECT_EQ(cards.free(), 3 * 256 - 2);
  EXPECT_FALSE(cards.is_free(function(0, 1)));
}

// The obvious way: a set of what is in use, and every choice worked out from the rule's own words.
class Reference {
 public:
  Reference(std::int32_t cards, std::int32_t functions) : cards_(cards), functions_(functions) {}

  using Place = std::pair<std::int32_t, std::int32_t>;               // Card and number.
  using Interface = std::pair<int, std::pair<std::int32_t, Place>>;  // Instance, its network card, place.

  std::optional<Place> choose(int instance, std::int32_t network_card_index) const {
    std::optional<std::int32_t> best;
    for (std::int32_t card = 0; card < cards_; ++card)
      if (used(card) < functions_ &&
          (!best || rank(instance, network_card_index, card) < rank(instance, network_card_index, *best)))
        best = card;
    if (!best) return std::nullopt;
    for (std::int32_t number = 0;; ++number)
      if (!taken_.contains({*best, number})) return Place{*best, number};
  }
  void take(int instance, std::int32_t network_card_index, Place place) {
    taken_.insert(place);
    held_.insert({instance, {network_card_index, place}});
  }
  Interface give_back(std::size_t which) {
    const auto held = std::next(held_.begin(), static_cast<std::ptrdiff_t>(which));
    const Interface interface = *held;
    taken_.erase(interface.second.second);
    held_.erase(held);
    return interface;
  }
  const std::multiset<Interface>& held() const { return held_; }

 private:
  std::int32_t used(std::int32_t card) const {
    std::int32_t count = 0;
    for (const Place& place : taken_) count += place.first == card ? 1 : 0;
    return count;
  }
  std::tuple<bool, std::size_t, std::int32_t, std::int32_t> rank(int instance, std::int32_t index,
                                                                 std::int32_t card) const {
    std::set<std::int32_t> carried;
    for (const auto& [owner, what] : held_)
      if (owner == instance && what.second.first == card) carried.insert(what.first);
    // Where an interface of the same network card of the instance is already, and nothing else counts.
    const bool is_home = carried.contains(index) && home(instance, index) == card;
    return {!is_home, is_home ? 0 : carried.size(), is_home ? 0 : used(card), card};
  }
  // The first, in order of places, that still has a free one.
  std::int32_t home(int instance, std::int32_t index) const {
    for (const auto& [owner, what] : held_)
      if (owner == instance && what.first == index && used(what.second.first) < functions_)
        return what.second.first;
    return -1;
  }

  std::int32_t cards_;
  std::int32_t functions_;
  std::set<Place> taken_;
  std::multiset<Interface> held_;
};

TEST(HostNetworkCards, agree_with_the_obvious_way_over_random_attaches_and_detaches) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    const auto card_count = static_cast<std::int32_t>(1 + random.below(5));
    const auto functions = static_cast<std::int32_t>(1 + random.below(9));
    HostNetworkCards cards({.network_cards = card_count, .virtual_functions_per_card = functions});
    Reference reference(card_count, functions);
    for (int step = 0; step < 400; ++step) {
      if (random.below(5) < 2 && !reference.held().empty()) {
        const auto gone = reference.give_back(random.below(reference.held().size()));
        cards.release(function(gone.second.second.first, gone.second.second.second));
        continue;
      }
      const auto instance = static_cast<int>(random.below(6));
      const auto index = static_cast<std::int32_t>(random.below(4));
      std::vector<vpc::PlacedInterface> placed;
      for (const auto& [owner, what] : reference.held())
        if (owner == instance) placed.push_back({what.first, what.second.first});
      const auto expected = reference.choose(instance, index);
      const auto chosen = cards.choose(placed, index);
      ASSERT_EQ(chosen.has_value(), expected.has_value()) << "seed " << seed << " step " << step;
      EXPECT_EQ(cards.free(), static_cast<std::int64_t>(card_count) * functions -
                                  static_cast<std::int64_t>(reference.held().size()));
      if (!chosen) continue;
      ASSERT_EQ(*chosen, function(expected->first, expected->second)) << "seed " << seed << " step " << step;
      ASSERT_TRUE(cards.is_free(*chosen));
      cards.hold(*chosen);
      reference.take(instance, index, *expected);
    }
  }
}

}  // namespace
}  // namespace enid::control
