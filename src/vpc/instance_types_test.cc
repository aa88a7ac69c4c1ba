#include "vpc/instance_types.h"

#include <gtest/gtest.h>

namespace enid::vpc {
namespace {

TEST(InstanceTypes, have_the_facts_of_the_table) {
  const InstanceType* type = find_instance_type("c5n.18xlarge");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->max_enis, 15);
  EXPECT_EQ(type->ipv4_per_eni, 50);
  EXPECT_EQ(type->max_efa_interfaces, 1);
  EXPECT_EQ(type->ena, Support::kRequired);
  EXPECT_EQ(find_instance_type("p5.48xlarge")->network_cards, 32);
  EXPECT_FALSE(find_instance_type("m1.small")->jumbo_frames);
  EXPECT_TRUE(find_instance_type("t3.micro")->jumbo_frames);
}

TEST(InstanceTypes, each_is_found_by_its_name_and_makes_sense) {
  EXPECT_GT(instance_types().size(), 1'000U);
  for (const InstanceType& type : instance_types()) {
    EXPECT_EQ(find_instance_type(type.name), &type) << type.name;
    EXPECT_GE(type.max_enis, 1) << type.name;
    EXPECT_GE(type.ipv4_per_eni, 1) << type.name;
    EXPECT_GE(type.network_cards, 1) << type.name;
    EXPECT_GE(type.tcp_established_timeout, 60) << type.name;
  }
  EXPECT_EQ(find_instance_type("t9.gigantic"), nullptr);
}

}  // namespace
}  // namespace enid::vpc
