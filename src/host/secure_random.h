// Bytes that nobody can guess, from the system: for keys, tokens and seeds. What is chosen by
// chance but need not be secret comes from Random (base/random.h), which can be repeated.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace enid::host {

void fill_with_secure_random(std::span<std::uint8_t> bytes);

template <std::size_t kSize>
std::array<std::uint8_t, kSize> secure_random() {
  std::array<std::uint8_t, kSize> bytes;
  fill_with_secure_random(bytes);
  return bytes;
}

inline std::uint64_t secure_random_number() {
  return std::bit_cast<std::uint64_t>(secure_random<sizeof(std::uint64_t)>());
}

}  // namespace enid::host
