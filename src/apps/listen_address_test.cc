#include "apps/listen_address.h"

#include <gtest/gtest.h>

namespace enid::apps {
namespace {

TEST(ListenAddress, a_bare_port_means_loopback) {
  for (const char* text : {"4566", ":4566", "localhost:4566", "127.0.0.1:4566"}) {
    const auto address = parse_listen_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->host, "127.0.0.1");
    EXPECT_EQ(address->port, 4566);
    EXPECT_TRUE(address->loopback);
  }
}

TEST(ListenAddress, any_other_address_is_not_loopback) {
  const auto address = parse_listen_address("0.0.0.0:80");
  ASSERT_TRUE(address);
  EXPECT_FALSE(address->loopback);
}

TEST(ListenAddress, refuses_names_and_ports_out_of_range) {
  for (const char* text : {"", "host:1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "1:2:3"}) {
    EXPECT_FALSE(parse_listen_address(text)) << text;
  }
}

}  // namespace
}  // namespace enid::apps
