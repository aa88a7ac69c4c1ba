#include "devices/ena/toeplitz.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace enid::devices::ena {
namespace {

using Key = std::array<std::uint8_t, Toeplitz::kKeyBytes>;

constexpr Key kMicrosoftsKey = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

using Octets = std::vector<std::uint8_t>;

// Documented: Microsoft, "Verifying the RSS hash calculation".
TEST(Toeplitz, is_what_microsofts_suite_says) {
  const Toeplitz toeplitz(kMicrosoftsKey);
  const Octets first = {66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6};
  EXPECT_EQ(toeplitz.hash(first), 0x51ccc178u);
  EXPECT_EQ(toeplitz.hash(ConstBytes(first).first(8)), 0x323e8fc2u);
  const Octets second = {199, 92, 111, 2, 65, 69, 140, 83, 0x37, 0x96, 0x12, 0x83};
  EXPECT_EQ(toeplitz.hash(second), 0xc626b0eau);
  EXPECT_EQ(toeplitz.hash(ConstBytes(second).first(8)), 0xd718262au);
  const Octets ipv6 = {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0,    0,    0,    0,
                       0,    0,    0,    7,    0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03,
                       0,    0,    0,    0,    0,    0,    0,    1,    0x0a, 0xea, 0x06, 0xe6};
  EXPECT_EQ(toeplitz.hash(ipv6), 0x40207d3du);
  EXPECT_EQ(toeplitz.hash(ConstBytes(ipv6).first(32)), 0x2cc18cd5u);
}

// Bit by bit: the key is shifted under the input.
std::uint32_t slow_hash(Key key, ConstBytes input) {
  std::uint32_t hash = 0;
  for (std::size_t bit = 0; bit < input.size() * 8; ++bit) {
    if ((input[bit / 8] >> (7 - bit % 8) & 1) != 0) hash ^= load_be32(key.data());
    for (std::size_t i = 0; i < key.size(); ++i) {
      const unsigned next = i + 1 < key.size() ? key[i + 1] : 0u;
      key[i] = static_cast<std::uint8_t>(key[i] << 1 | next >> 7);
    }
  }
  return hash;
}

TEST(Toeplitz, is_the_hash_bit_by_bit_for_any_key_and_input) {
  Random random(2);
  for (int round = 0; round < 200; ++round) {
    Key key;
    for (auto& byte : key) byte = static_cast<std::uint8_t>(random.next());
    Octets input(random.below(Toeplitz::kInputBytesMax + 1));
    for (auto& byte : input) byte = static_cast<std::uint8_t>(random.next());
    ASSERT_EQ(Toeplitz(key).hash(input), slow_hash(key, input));
  }
}

}  // namespace
}  // namespace enid::devices::ena
