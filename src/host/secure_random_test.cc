#include "host/secure_random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace enid::host {
namespace {

TEST(SecureRandom, never_repeats_itself) {
  std::set<std::array<std::uint8_t, 16>> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(secure_random<16>()).second);
}

TEST(SecureRandom, fills_all_that_it_is_given) {
  std::vector<std::uint8_t> bytes(100'000, 0);
  fill_with_secure_random(bytes);
  const auto zeros = std::ranges::count(bytes, 0);
  EXPECT_GT(zeros, 200);  // One in 256.
  EXPECT_LT(zeros, 700);
  EXPECT_NE(std::vector(bytes.end() - 8, bytes.end()), std::vector<std::uint8_t>(8, 0));
  fill_with_secure_random({});
}

}  // namespace
}  // namespace enid::host
