#include "vpc/virtual_function_placement.h"

#include <gtest/gtest.h>

#include <vector>

namespace enid::vpc {
namespace {

using Cards = std::vector<NetworkCardLoad>;
using Placed = std::vector<PlacedInterface>;

std::int32_t chosen(const Cards& cards, const Placed& placed, std::int32_t network_card_index = 0) {
  return choose_network_card(cards, placed, network_card_index).value_or(-1);
}

TEST(VirtualFunctionPlacement, takes_the_card_with_the_fewest_in_use_and_then_the_first) {
  EXPECT_EQ(chosen({{256, 0}}, {}), 0);
  EXPECT_EQ(chosen({{256, 3}, {256, 2}, {256, 2}}, {}), 1);
  EXPECT_EQ(chosen({{256, 7}, {256, 7}}, {}), 0);
}

TEST(VirtualFunctionPlacement, keeps_the_interfaces_of_one_network_card_together) {
  EXPECT_EQ(chosen({{256, 0}, {256, 9}}, {{.network_card_index = 0, .host_card = 1}}), 1);
  EXPECT_EQ(chosen({{256, 0}, {256, 9}}, {{0, 0}, {1, 1}}, 1), 1);
}

TEST(VirtualFunctionPlacement, spreads_the_network_cards_of_an_instance) {
  const Cards idle = {{256, 40}, {256, 0}, {256, 0}};
  EXPECT_EQ(chosen(idle, {{0, 1}}, 1), 2);
  EXPECT_EQ(chosen(idle, {{0, 1}, {1, 2}}, 2), 0) << "a busy card before one that carries another already";
  EXPECT_EQ(chosen(idle, {{0, 1}, {1, 2}, {2, 0}}, 3), 1) << "more network cards than the host has: in turn";
  EXPECT_EQ(chosen({{256, 20}, {256, 0}}, {{0, 0}, {0, 0}, {0, 0}, {1, 1}, {2, 1}}, 3), 0)
      << "several interfaces of one network card count once";
}

TEST(VirtualFunctionPlacement, leaves_a_full_card_rather_than_fail) {
  EXPECT_EQ(chosen({{2, 2}, {2, 1}}, {{0, 0}}), 1);
  EXPECT_EQ(chosen({{2, 2}, {2, 2}}, {{0, 0}}), -1);
  EXPECT_EQ(chosen({}, {}), -1);
  EXPECT_EQ(chosen({{0, 0}}, {}), -1) << "a card without virtual functions";
}

TEST(VirtualFunctionPlacement, ignores_interfaces_on_cards_that_the_host_has_no_more) {
  EXPECT_EQ(chosen({{2, 0}}, {{0, 5}, {0, -1}}), 0);
}

}  // namespace
}  // namespace enid::vpc
