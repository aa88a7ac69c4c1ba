#include "wire/checksum.h"

namespace enid::wire {

std::uint64_t checksum_add(std::uint64_t sum, ConstBytes bytes) {
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
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
