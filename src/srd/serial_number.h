// Numbers that wrap: packet sequence numbers (32 bits) and path sequence numbers (16 bits).
// Documented: RFC 1982. Two numbers are comparable while they are less than half the circle apart,
// which Settings::flight_messages and receive_window (at most 32768) see to.
#pragma once

#include <cstdint>

namespace enid::srd {

constexpr std::int32_t psn_distance(std::uint32_t from, std::uint32_t to) {
  return static_cast<std::int32_t>(to - from);
}
constexpr bool psn_before(std::uint32_t a, std::uint32_t b) { return psn_distance(a, b) > 0; }

constexpr std::int16_t path_sequence_distance(std::uint16_t from, std::uint16_t to) {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(to - from));
}

// A block is the 64 PSNs that share a word of a bitmap ring.
constexpr std::uint32_t block_of(std::uint32_t psn) { return psn & ~63U; }

// The bits of the block at `block` whose PSNs lie in [begin, end).
constexpr std::uint64_t bits_within(std::uint32_t block, std::uint32_t begin, std::uint32_t end) {
  const std::int32_t low = psn_distance(block, begin);
  const std::int32_t high = psn_distance(block, end);
  if (low >= 64 || high <= 0 || high <= low) return 0;
  std::uint64_t bits = ~0ULL;
  if (low > 0) bits &= ~0ULL << low;
  if (high < 64) bits &= ~(~0ULL << high);
  return bits;
}

}  // namespace enid::srd
