// Instant and Duration: time as an argument.
//
//   Pure code never reads a clock. It takes `Instant now` (monotonic, nanoseconds since an
//   origin that the owner chose) or `WallTime now` (milliseconds since 1970, UTC, only for
//   what people and protocols see: attach times, signatures, expiry).
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace enid {

struct Duration {
  std::int64_t nanoseconds = 0;

  static constexpr Duration from_nanoseconds(std::int64_t n) { return {n}; }
  static constexpr Duration from_microseconds(std::int64_t n) { return {n * 1'000}; }
  static constexpr Duration from_milliseconds(std::int64_t n) { return {n * 1'000'000}; }
  static constexpr Duration from_seconds(std::int64_t n) { return {n * 1'000'000'000}; }

  constexpr std::int64_t seconds() const { return nanoseconds / 1'000'000'000; }
  constexpr std::int64_t milliseconds() const { return nanoseconds / 1'000'000; }

  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration other) const { return {nanoseconds + other.nanoseconds}; }
  constexpr Duration operator-(Duration other) const { return {nanoseconds - other.nanoseconds}; }
  constexpr Duration operator*(std::int64_t factor) const { return {nanoseconds * factor}; }
};

struct Instant {
  std::int64_t nanoseconds = 0;

  // Later than every instant that happens: "nothing pending".
  static constexpr Instant never() { return {std::numeric_limits<std::int64_t>::max()}; }

  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Duration d) const { return {nanoseconds + d.nanoseconds}; }
  constexpr Instant operator-(Duration d) const { return {nanoseconds - d.nanoseconds}; }
  constexpr Duration operator-(Instant other) const { return {nanoseconds - other.nanoseconds}; }
};

struct WallTime {
  std::int64_t milliseconds_since_epoch = 0;

  constexpr auto operator<=>(const WallTime&) const = default;
  constexpr std::int64_t seconds_since_epoch() const { return milliseconds_since_epoch / 1000; }
};

}  // namespace enid
