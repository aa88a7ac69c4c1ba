#include "srd/aes_block.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace enid::srd {
namespace {

// FIPS 197, appendix C.1: key 00 01 … 0f, plaintext 00 11 … ff.
TEST(AesBlock, does_as_the_standards_example) {
  const AesKey key({0x0706050403020100, 0x0f0e0d0c0b0a0908});
  const AesBlock plain = {0x7766554433221100, 0xffeeddccbbaa9988};
  const AesBlock expected = {0x30047b6ad8e0c469, 0x5ac5b47080b7cdd8};
  EXPECT_EQ(key.encrypt(plain), expected);
  EXPECT_EQ(key.encrypt_slowly(plain), expected);
}

TEST(AesBlock, is_the_same_with_and_without_instructions) {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const AesKey key({random.next(), random.next()});
    const AesBlock block = {random.next(), random.next()};
    EXPECT_EQ(key.encrypt(block), key.encrypt_slowly(block));
  }
}

}  // namespace
}  // namespace enid::srd
