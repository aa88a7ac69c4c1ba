// Toeplitz: the hash of receive side scaling, by tables.
//
//   Documented: Microsoft, "RSS hashing functions": for each bit of the input that is set, most significant
//   first, the 32 bits of the key that begin at the bit's position. A table per four bits of input makes of
//   it two lookups a byte, 4.6 KiB in all.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace enid::devices::ena {

class Toeplitz {
 public:
  static constexpr std::size_t kKeyBytes = 40;
  static constexpr std::size_t kInputBytesMax = 36;  // Two IPv6 addresses and two ports.

  explicit Toeplitz(const std::array<std::uint8_t, kKeyBytes>& key);

  // At most kInputBytesMax bytes.
  std::uint32_t hash(ConstBytes input) const {
    std::uint32_t hash = 0;
    for (std::size_t i = 0; i < input.size(); ++i)
      hash ^= table_[2 * i][input[i] >> 4] ^ table_[2 * i + 1][input[i] & 15];
    return hash;
  }

 private:
  std::array<std::array<std::uint32_t, 16>, 2 * kInputBytesMax> table_{};
};

}  // namespace enid::devices::ena
