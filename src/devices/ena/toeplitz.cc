#include "devices/ena/toeplitz.h"

namespace enid::devices::ena {
namespace {

// The 32 bits of the key that begin at `bit`.
std::uint32_t window(const std::array<std::uint8_t, Toeplitz::kKeyBytes>& key, std::size_t bit) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const std::size_t at = bit / 8 + i;
    bits = bits << 8 | (at < key.size() ? key[at] : 0);
  }
  return static_cast<std::uint32_t>(bits >> (8 - bit % 8));
}

}  // namespace

Toeplitz::Toeplitz(const std::array<std::uint8_t, kKeyBytes>& key) {
  for (std::size_t nibble = 0; nibble < table_.size(); ++nibble) {
    for (std::size_t bit = 0; bit < 4; ++bit) {
      const std::uint32_t bits = window(key, nibble * 4 + bit);
      for (std::size_t value = 0; value < 16; ++value) {
        if ((value >> (3 - bit) & 1) != 0) table_[nibble][value] ^= bits;
      }
    }
  }
}

}  // namespace enid::devices::ena
