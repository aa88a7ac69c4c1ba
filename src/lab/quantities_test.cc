#include "lab/quantities.h"

#include <gtest/gtest.h>

namespace enid::lab {
namespace {

TEST(Quantities, are_read_as_people_type_them) {
  EXPECT_EQ(parse_rate("200mbit").value(), 200'000'000u);
  EXPECT_EQ(parse_rate("1.5gbit").value(), 1'500'000'000u);
  EXPECT_EQ(parse_duration("100us").value(), Duration::from_microseconds(100));
  EXPECT_EQ(parse_duration("0ms").value(), Duration{});
  EXPECT_EQ(parse_share("0.1%").value(), 1'000u);
  EXPECT_EQ(parse_share("100%").value(), kWhole);
  EXPECT_EQ(parse_bytes("256k").value(), 262'144u);
  EXPECT_EQ(parse_bytes("65536").value(), 65'536u);
}

TEST(Quantities, that_mean_nothing_are_refused) {
  for (const char* text : {"", "mbit", "200", "-1mbit", "inf", "nanmbit", "200 mbit", "1e99gbit", "1kbit"})
    EXPECT_FALSE(parse_rate(text)) << text;
  for (const char* text : {"", "5", "us", "-5us", "1h", "11s"}) EXPECT_FALSE(parse_duration(text)) << text;
  for (const char* text : {"", "0.01", "101%", "-1%", "%"}) EXPECT_FALSE(parse_share(text)) << text;
  for (const char* text : {"", "1g", "-1", "4096m"}) EXPECT_FALSE(parse_bytes(text)) << text;
}

TEST(Quantities, a_refusal_shows_how_it_is_done) {
  EXPECT_EQ(parse_rate("fast").error().message, "'fast' is not a rate; try 200mbit or 1gbit");
}

TEST(Quantities, are_printed_as_they_can_be_read_again) {
  EXPECT_EQ(rate_text(200'000'000), "200mbit");
  EXPECT_EQ(rate_text(1'500'000'000), "1.5gbit");
  EXPECT_EQ(duration_text(Duration::from_microseconds(100)), "100us");
  EXPECT_EQ(duration_text(Duration{}), "0ns");
  EXPECT_EQ(share_text(50'000), "5%");
  EXPECT_EQ(share_text(1'000), "0.1%");
  EXPECT_EQ(bytes_text(262'144), "256k");
}

}  // namespace
}  // namespace enid::lab
