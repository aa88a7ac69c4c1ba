#include "vpc/network_card.h"

#include <gtest/gtest.h>

namespace enid::vpc {
namespace {

TEST(NetworkCard, each_type_has_as_many_as_its_row_says_numbered_from_zero) {
  for (const InstanceType& type : instance_types()) {
    const auto cards = network_cards_of(type);
    ASSERT_EQ(cards.size(), static_cast<std::size_t>(type.network_cards)) << type.name;
    for (std::size_t i = 0; i < cards.size(); ++i) {
      EXPECT_EQ(cards[i].index, static_cast<std::int32_t>(i)) << type.name;
      EXPECT_GE(cards[i].max_interfaces, 1) << type.name;
      EXPECT_TRUE(cards[i].interface_types.starts_with("interface")) << type.name;
    }
  }
}

TEST(NetworkCard, has_the_facts_of_the_table) {
  const InstanceType& p5 = *find_instance_type("p5.48xlarge");
  ASSERT_TRUE(network_card(p5, 31));
  EXPECT_EQ(network_card(p5, 31)->max_interfaces, 2);
  EXPECT_EQ(network_card(p5, 31)->peak_gbps, 100.0);
  EXPECT_EQ(network_card(p5, 31)->interface_types, "interface+efa+efa-only");
  EXPECT_EQ(network_card(p5, 31)->default_ena_queues, 32);
  EXPECT_FALSE(network_card(p5, 32));
  EXPECT_FALSE(network_card(p5, -1));
  const InstanceType& uneven = *find_instance_type("i7ie.48xlarge");  // A group for each card.
  EXPECT_EQ(network_card(uneven, 0)->max_interfaces, 8);
  EXPECT_EQ(network_card(uneven, 1)->max_interfaces, 7);
  EXPECT_EQ(network_card(*find_instance_type("t3.micro"), 0)->max_interfaces, 2);
}

}  // namespace
}  // namespace enid::vpc
