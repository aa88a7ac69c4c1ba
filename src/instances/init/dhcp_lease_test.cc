#include "instances/init/dhcp_lease.h"

#include <gtest/gtest.h>

namespace enid::instances {
namespace {

TEST(DhcpEvent, a_bound_line_is_a_lease) {
  const auto event =
      parse_dhcp_event("bound|eth1|10.0.1.100|24|10.0.1.1|10.0.0.2 169.254.169.253|ec2.internal|9001");
  ASSERT_TRUE(event && event->lease);
  EXPECT_EQ(event->interface, "eth1");
  EXPECT_EQ(event->lease->address.text(), "10.0.1.100");
  EXPECT_EQ(event->lease->subnet().text(), "10.0.1.0/24");
  EXPECT_EQ(event->lease->router->text(), "10.0.1.1");
  EXPECT_EQ(event->lease->name_servers.size(), 2U);
  EXPECT_EQ(event->lease->domain, "ec2.internal");
  EXPECT_EQ(event->lease->mtu, 9001);
}

TEST(DhcpEvent, options_may_be_missing) {
  const auto event = parse_dhcp_event("renew|eth0|10.0.1.5|20||||");
  ASSERT_TRUE(event && event->lease);
  EXPECT_FALSE(event->lease->router);
  EXPECT_EQ(event->lease->mtu, 0);
}

TEST(DhcpEvent, a_deconfig_line_has_no_lease) {
  const auto event = parse_dhcp_event("deconfig|eth0||||||");
  ASSERT_TRUE(event);
  EXPECT_FALSE(event->lease || event->addresses);
}

TEST(DhcpEvent, broken_lines_are_nothing) {
  for (const char* line : {"", "bound", "bound|eth0", "bound|eth0|10.0.0.300|24|||||",
                           "bound|eth0|10.0.0.3|33||||", "leasefail|eth0||||||", "bound|eth0|10.0.0.3|24|||"})
    EXPECT_FALSE(parse_dhcp_event(line)) << line;
}

TEST(DhcpEvent, a_domain_that_would_add_a_line_is_dropped) {
  const auto event = parse_dhcp_event("bound|eth0|10.0.0.3|24|||a\nnameserver 1.1.1.1|");
  ASSERT_TRUE(event && event->lease);
  EXPECT_EQ(event->lease->domain, "");
}

TEST(DhcpEvent, metadata_lines_are_read_as_written) {
  const std::vector<Ipv4Address> addresses = {Ipv4Address{0x0a000005}, Ipv4Address{0x0a000006}};
  std::string line = write_metadata_event("eth1", addresses);
  ASSERT_EQ(line.back(), '\n');
  line.pop_back();
  const auto event = parse_dhcp_event(line);
  ASSERT_TRUE(event && event->addresses);
  EXPECT_EQ(*event->addresses, addresses);
}

}  // namespace
}  // namespace enid::instances
