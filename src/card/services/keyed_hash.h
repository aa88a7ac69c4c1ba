// A keyed hash for numbers that others must not guess. HMAC-SHA256, cut to 64 bits.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace enid::card {

using ServiceSecret = std::array<std::uint8_t, 32>;

std::uint64_t keyed_hash(const ServiceSecret& key, ConstBytes message);

}  // namespace enid::card
