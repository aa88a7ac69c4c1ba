#include "srd/keyed_hash.h"

#include <gtest/gtest.h>

namespace enid::srd {
namespace {

// Documented: the reference vectors of SipHash-2-4 with key 00..0f, for inputs 00.. of 0, 8 and 16 bytes.
TEST(KeyedHash, agrees_with_the_reference_vectors) {
  const HashKey key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  EXPECT_EQ(keyed_hash(key, {}), 0x726fdb47dd0e0e31U);
  const std::array<std::uint64_t, 2> words = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  EXPECT_EQ(keyed_hash(key, std::span(words).first(1)), 0x93f5f5799a932462U);
  EXPECT_EQ(keyed_hash(key, words), 0x3f2acc7f57c29bdbU);
}

}  // namespace
}  // namespace enid::srd
