#include "vpc/free_address.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace enid::vpc {
namespace {

using Taken = std::map<Ipv4Address, int>;

Ipv4Prefix subnet(const char* text) { return Ipv4Prefix::parse(text).value(); }

TEST(FreeAddress, a_28_has_eleven_usable_addresses) {
  const Ipv4Prefix block = subnet("10.0.0.16/28");
  Taken taken;
  while (const auto address = free_address(block, taken, 7)) {
    EXPECT_TRUE(block.contains(*address));
    EXPECT_FALSE(is_reserved(block, *address));
    EXPECT_TRUE(taken.emplace(*address, 0).second);
  }
  EXPECT_EQ(taken.size(), 11U);
}

TEST(FreeAddress, agrees_with_trying_one_after_the_other) {
  Random random(11);
  const Ipv4Prefix block = subnet("10.0.0.0/26");
  const std::uint64_t usable = block.size() - kReservedAddresses;
  for (int round = 0; round < 500; ++round) {
    Taken taken;
    for (std::uint64_t i = 0; i < usable; ++i)
      if (random.below(10) < 8) taken.emplace(block.at(kReservedAtStart + i), 0);
    const std::uint64_t start = random.below(1000);
    std::optional<Ipv4Address> expected;
    for (std::uint64_t i = 0; i < usable && !expected; ++i) {
      const Ipv4Address address = block.at(kReservedAtStart + (start + i) % usable);
      if (!taken.contains(address)) expected = address;
    }
    EXPECT_EQ(free_address(block, taken, start), expected);
  }
}

TEST(FreePrefix, never_holds_a_reserved_or_taken_address) {
  const Ipv4Prefix block = subnet("10.0.0.0/26");  // Four /28: the first and the last are no use.
  Taken taken;
  EXPECT_EQ(free_prefix(block, taken, 0), subnet("10.0.0.16/28"));
  taken.emplace(Ipv4Address::parse("10.0.0.31").value(), 0);
  EXPECT_EQ(free_prefix(block, taken, 0), subnet("10.0.0.32/28"));
  taken.emplace(Ipv4Address::parse("10.0.0.40").value(), 0);
  EXPECT_EQ(free_prefix(block, taken, 0), std::nullopt);
}

}  // namespace
}  // namespace enid::vpc
