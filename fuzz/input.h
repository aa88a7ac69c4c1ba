// What a fuzz target reads its input with: pieces from the front, shorter ones at its end.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"

namespace enid::fuzz {

// The next `bytes` bytes, or as many as are left.
inline ConstBytes take(ConstBytes& input, std::size_t bytes) {
  const ConstBytes taken = input.first(std::min(bytes, input.size()));
  input = input.subspan(taken.size());
  return taken;
}

// The next value of this type; zeros stand for what is not left.
template <class Word>
Word word(ConstBytes& input) {
  Word value{};
  std::ranges::copy(take(input, sizeof value), reinterpret_cast<std::uint8_t*>(&value));
  return value;
}

}  // namespace enid::fuzz
