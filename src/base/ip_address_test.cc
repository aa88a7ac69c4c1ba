#include "base/ip_address.h"

#include <gtest/gtest.h>

namespace enid {
namespace {

TEST(Ipv4Address, reads_four_decimal_parts_and_nothing_else) {
  EXPECT_EQ(Ipv4Address::parse("10.0.1.100")->value, 0x0a000164u);
  for (const char* wrong :
       {"", "10", "10.0.0", "10.0.0.256", "10.0.0.1.", "10.0.0.01", "1.2.3.4.5", " 1.2.3.4", "-1.2.3.4"})
    EXPECT_FALSE(Ipv4Address::parse(wrong)) << wrong;
}

TEST(Ipv4Prefix, is_canonical_or_made_so) {
  EXPECT_EQ(Ipv4Prefix::parse("10.0.0.0/16")->text(), "10.0.0.0/16");
  EXPECT_FALSE(Ipv4Prefix::parse("10.0.0.1/16"));
  EXPECT_EQ(Ipv4Prefix::parse_loose("10.0.0.1/16")->text(), "10.0.0.0/16");
  EXPECT_FALSE(Ipv4Prefix::parse_loose("10.0.0.1/33"));
  EXPECT_TRUE(Ipv4Prefix::parse("0.0.0.0/0")->contains(Ipv4Address{0xffffffff}));
}

TEST(Ipv6Address, round_trips_in_the_form_of_rfc_5952) {
  const std::pair<const char*, const char*> cases[] = {
      {"::", "::"},
      {"::1", "::1"},
      {"2600:1F18::0001", "2600:1f18::1"},
      {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
      {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
      {"::ffff:10.0.0.1", "::ffff:a00:1"},
  };
  for (const auto& [in, out] : cases) {
    const auto address = Ipv6Address::parse(in);
    ASSERT_TRUE(address) << in;
    EXPECT_EQ(address->text(), out);
    EXPECT_EQ(Ipv6Address::parse(out), address);
  }
  for (const char* wrong :
       {"", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::g", "1:2:3:4:5:6:7:"})
    EXPECT_FALSE(Ipv6Address::parse(wrong)) << wrong;
}

TEST(Ipv6Prefix, contains_by_bits) {
  const auto prefix = Ipv6Prefix::parse_loose("2600:1f18::/33");
  ASSERT_TRUE(prefix);
  EXPECT_TRUE(prefix->contains(*Ipv6Address::parse("2600:1f18:7fff::1")));
  EXPECT_FALSE(prefix->contains(*Ipv6Address::parse("2600:1f18:8000::1")));
}

TEST(MacAddress, round_trips) {
  EXPECT_EQ(MacAddress::parse("02:ab:00:ff:10:01")->text(), "02:ab:00:ff:10:01");
  for (const char* wrong : {"", "02:ab:00:ff:10", "02-ab-00-ff-10-01", "02:ab:00:ff:10:0g"})
    EXPECT_FALSE(MacAddress::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace enid
