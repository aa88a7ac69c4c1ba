// The Internet checksum, and its repair when a few bits of the covered bytes change.
//
//   Sums are kept unfolded in 64 bits, in host order of big-endian words; internet_checksum()
//   folds and complements. A receiver's sum over data and checksum folds to 0xffff.
//
// Documented: RFC 1071 (computation), RFC 1624 (incremental update).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace enid::wire {

// Adds the bytes to a sum; an odd last byte counts as if followed by a zero.
std::uint64_t checksum_add(std::uint64_t sum, ConstBytes bytes);

constexpr std::uint16_t checksum_fold(std::uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

inline std::uint16_t internet_checksum(ConstBytes bytes, std::uint64_t sum = 0) {
  return static_cast<std::uint16_t>(~checksum_fold(checksum_add(sum, bytes)));
}

// The pseudo header of TCP, UDP and ICMPv6. `bytes` is the length of the L4 header and payload.
std::uint64_t pseudo_header_sum(Ipv4Address source, Ipv4Address destination, std::uint8_t protocol,
                                std::size_t bytes);
std::uint64_t pseudo_header_sum(const Ipv6Address& source, const Ipv6Address& destination,
                                std::uint8_t protocol, std::size_t bytes);

// The checksum after one 16-bit word of the covered bytes went from `before` to `after`.
// RFC 1624, equation 3.
constexpr std::uint16_t checksum_update(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) {
  const std::uint32_t sum = static_cast<std::uint16_t>(~checksum) +
                            std::uint32_t{static_cast<std::uint16_t>(~before)} + std::uint32_t{after};
  return static_cast<std::uint16_t>(~checksum_fold(sum));
}

}  // namespace enid::wire
