#include "instances/init/interface_settings.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <thread>

#include "instances/tap_device.h"

namespace enid::instances {
namespace {

DhcpLease lease() {
  DhcpLease lease;
  lease.address = *Ipv4Address::parse("10.0.1.5");
  lease.prefix_length = 24;
  lease.router = *Ipv4Address::parse("10.0.1.1");
  lease.mtu = 9001;
  return lease;
}

TEST(InterfaceSettings, eth0_has_the_default_route_and_no_rules) {
  const InterfaceSettings settings = plan_settings(0, 7, lease(), {});
  ASSERT_EQ(settings.routes.size(), 2U);
  EXPECT_EQ(settings.routes[0].destination.text(), "10.0.1.0/24");
  EXPECT_EQ(settings.routes[1].destination.length, 0);
  EXPECT_EQ(settings.routes[1].gateway, lease().router);
  EXPECT_TRUE(settings.rules.empty());
}

TEST(InterfaceSettings, a_secondary_interface_has_a_table_and_a_rule_for_each_address) {
  const InterfaceSettings settings =
      plan_settings(2, 7, lease(), {lease().address, *Ipv4Address::parse("10.0.1.9")});
  EXPECT_EQ(settings.addresses.size(), 2U);
  ASSERT_EQ(settings.rules.size(), 2U);
  EXPECT_EQ(settings.rules[1], (SourceRule{*Ipv4Address::parse("10.0.1.9"), 10'002, 10'002}));
  ASSERT_EQ(settings.routes.size(), 3U);
  EXPECT_EQ(settings.routes[0].table, 254U);
  EXPECT_EQ(settings.routes[2].table, 10'002U);
  EXPECT_EQ(settings.routes[2].gateway, lease().router);
}

TEST(InterfaceSettings, a_lease_without_a_router_has_no_way_out) {
  DhcpLease alone = lease();
  alone.router.reset();
  EXPECT_EQ(plan_settings(0, 7, alone, {}).routes.size(), 1U);
  EXPECT_EQ(plan_settings(1, 7, alone, {}).routes.size(), 2U);
}

TEST(InterfaceSettings, resolv_conf_holds_what_the_lease_says) {
  DhcpLease named = lease();
  named.name_servers = {*Ipv4Address::parse("10.0.0.2")};
  EXPECT_EQ(write_resolv_conf(named), "nameserver 10.0.0.2\n");
  named.domain = "ec2.internal";
  EXPECT_EQ(write_resolv_conf(named), "search ec2.internal\nnameserver 10.0.0.2\n");
}

// In a network namespace of its own, on a thread that ends with it.
template <class Test>
void in_new_namespace(Test test) {
  std::thread([&] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    test();
  }).join();
}

TEST(InterfaceSettings, what_is_applied_is_taken_back_and_nothing_else) {
  if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
  in_new_namespace([] {
    const Result<host::UniqueFd> tap = open_tap("eth2");
    ASSERT_TRUE(tap) << tap.error().message;
    ASSERT_TRUE(set_tap_up("eth2"));
    RouteSocket routes = *RouteSocket::open();
    const unsigned link = (*routes.find_link("eth2"))->index;
    const InterfaceAddress by_hand{*Ipv4Address::parse("10.0.1.77"), 32};
    ASSERT_TRUE(routes.add_address(link, by_hand));
    const std::size_t rules_before = routes.source_rules()->size();

    const InterfaceSettings first = plan_settings(2, link, lease(), {*Ipv4Address::parse("10.0.1.9")});
    for (int twice = 0; twice < 2; ++twice) {
      const Result<void> done = apply_settings(link, first, first);
      ASSERT_TRUE(done) << done.error().message;
    }
    EXPECT_EQ(routes.addresses(link)->size(), 3U);
    EXPECT_EQ(routes.source_rules()->size(), rules_before + 2);

    ASSERT_TRUE(apply_settings(link, first, plan_settings(2, link, lease(), {})));
    EXPECT_EQ(routes.addresses(link)->size(), 2U);
    ASSERT_TRUE(apply_settings(link, first, {}));
    EXPECT_EQ(*routes.addresses(link), std::vector{by_hand});
    EXPECT_EQ(routes.source_rules()->size(), rules_before);
    ASSERT_TRUE(delete_tap("eth2"));
    EXPECT_TRUE(delete_tap("eth2"));  // There is none: nothing to do.
  });
}

TEST(InterfaceSettings, a_tap_can_be_opened_again_when_its_holder_is_gone) {
  if (::geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
  in_new_namespace([] {
    Result<host::UniqueFd> tap = open_tap("eth1");
    ASSERT_TRUE(tap);
    ASSERT_TRUE(configure_tap("eth1", MacAddress{{2, 0, 0, 0, 0, 5}}, 9001));
    EXPECT_FALSE(open_tap("eth1"));  // Held.
    tap->reset();
    EXPECT_TRUE(open_tap("eth1"));
    RouteSocket routes = *RouteSocket::open();
    EXPECT_EQ((*routes.find_link("eth1"))->mac.text(), "02:00:00:00:00:05");
    EXPECT_FALSE(configure_tap("eth9", {}, 9001));
  });
}

}  // namespace
}  // namespace enid::instances
