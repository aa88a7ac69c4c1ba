#include "lab/fabric_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace enid::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(FabricPlan, names_and_addresses_are_those_of_the_documentation) {
  const FabricPlan plan{.hosts = 4, .spines = 4};
  EXPECT_EQ(plan.host_namespace(2), "enid-lab-host-2");
  EXPECT_EQ(plan.spine_namespace(1), "enid-lab-spine-1");
  EXPECT_EQ((FabricPlan{.name = "blue"}.host_namespace(2)), "enid-lab-blue-host-2");
  EXPECT_EQ(host_address(2).text(), "100.64.0.2");
  EXPECT_EQ(host_link_address({2, 3}).text(), "100.64.3.2");
  EXPECT_EQ(spine_link_address({2, 3}).text(), "100.65.3.2");
  EXPECT_EQ(kHostAddresses.text(), "100.64.0.0/24");
  EXPECT_EQ(plane_addresses(3).text(), "100.64.3.0/24");
}

TEST(FabricPlan, no_two_ends_of_links_share_an_address) {
  const FabricPlan plan{.hosts = FabricPlan::kHostsMax, .spines = FabricPlan::kSpinesMax};
  ASSERT_TRUE(plan.check());
  std::set<Ipv4Address> addresses;
  std::set<std::string> macs;
  for (const LinkId link : plan.links()) {
    EXPECT_TRUE(addresses.insert(host_link_address(link)).second);
    EXPECT_TRUE(addresses.insert(spine_link_address(link)).second);
    EXPECT_TRUE(macs.insert(host_link_mac(link).text()).second);
    EXPECT_TRUE(macs.insert(spine_link_mac(link).text()).second);
  }
}

TEST(FabricPlan, one_lab_never_takes_a_namespace_for_its_own_that_is_not) {
  const FabricPlan plain;
  const FabricPlan blue{.name = "blue"};
  EXPECT_TRUE(plain.is_namespace_of_ours("enid-lab-host-1"));
  EXPECT_TRUE(plain.is_namespace_of_ours("enid-lab-spine-99"));
  EXPECT_TRUE(blue.is_namespace_of_ours("enid-lab-blue-host-1"));
  for (const char* name : {"enid-lab-blue-host-1", "enid-lab-host", "enid-lab-host-", "enid-lab-host-1a",
                           "host-1", "enid-lab-host-0", "enid-labhost-1", "enid-bench-host-1", ""})
    EXPECT_FALSE(plain.is_namespace_of_ours(name)) << name;
  EXPECT_FALSE(blue.is_namespace_of_ours("enid-lab-host-1"));
}

TEST(FabricPlan, a_name_means_links) {
  const FabricPlan plan{.hosts = 2, .spines = 3};
  EXPECT_THAT(parse_links(plan, "spine2").value(), ElementsAre(LinkId{1, 2}, LinkId{2, 2}));
  EXPECT_THAT(parse_links(plan, "host-2").value(), ElementsAre(LinkId{2, 1}, LinkId{2, 2}, LinkId{2, 3}));
  EXPECT_THAT(parse_links(plan, "host-1:spine-3").value(), ElementsAre(LinkId{1, 3}));
  EXPECT_EQ(parse_links(plan, "all").value().size(), 6u);
  for (const char* text : {"", "spine", "spine4", "spine0", "host3", "spine1:host1", "host1:", ":spine1",
                           "host1:spine9", "host1:spine1:spine2", "spine-1x", "spine--1"})
    EXPECT_FALSE(parse_links(plan, text)) << text;
  EXPECT_THAT(parse_links(plan, "spine9").error().message, HasSubstr("spine-1 … spine-3"));
}

TEST(FabricPlan, limits_are_told) {
  EXPECT_THAT((FabricPlan{.hosts = 1}.check().error().message), HasSubstr("2 to 64 hosts"));
  EXPECT_THAT((FabricPlan{.spines = 0}.check().error().message), HasSubstr("1 to 32 spines"));
  EXPECT_THAT((FabricPlan{.mtu = 1500}.check().error().message), HasSubstr("9001"));
  EXPECT_THAT((FabricPlan{.buffer_bytes = 9216}.check().error().message), HasSubstr("two packets"));
  EXPECT_THAT((FabricPlan{.name = "../x"}.check().error().message), HasSubstr("small letters"));
}

}  // namespace
}  // namespace enid::lab
