// Simulated time: whole picoseconds since the run began.
//
//   Picoseconds, because a byte takes 80 of them at 100 Gbit/s and 20 at 400: in nanoseconds each
//   packet would be rounded, and the roundings of a million packets differ from machine room to machine
//   room. 63 bits of them are 106 days. What transports see is an Instant (nanoseconds, rounded down), so
//   a wake-up asked for at an Instant happens at exactly that Instant.
#pragma once

#include <cstdint>
#include <limits>

#include "base/time.h"

namespace enid::sim {

using Picoseconds = std::int64_t;

inline constexpr Picoseconds kNanosecond = 1'000;
inline constexpr Picoseconds kMicrosecond = 1'000'000;
inline constexpr Picoseconds kMillisecond = 1'000'000'000;
inline constexpr Picoseconds kSecond = 1'000'000'000'000;
// Later than all that happens: nothing pending.
inline constexpr Picoseconds kNever = std::numeric_limits<Picoseconds>::max();

constexpr Instant to_instant(Picoseconds time) { return {time / kNanosecond}; }

constexpr Picoseconds to_picoseconds(Instant instant) {
  return instant.nanoseconds >= kNever / kNanosecond ? kNever : instant.nanoseconds * kNanosecond;
}

}  // namespace enid::sim
