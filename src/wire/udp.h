// The UDP header. Documented: RFC 768.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace enid::wire {

struct UdpHeader {
  static constexpr std::size_t kBytes = 8;
  static constexpr std::size_t kChecksumAt = 6;

  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t bytes = 0;     // Header and payload.
  std::uint16_t checksum = 0;  // Zero: none was made. Over IPv4 that is allowed.

  // `segment` is the IP payload; `bytes` lies within it. The checksum is not verified.
  static std::optional<UdpHeader> parse(ConstBytes segment);
  void write(Bytes segment) const;
};

inline std::optional<UdpHeader> UdpHeader::parse(ConstBytes segment) {
  if (segment.size() < kBytes) return std::nullopt;
  const std::uint8_t* p = segment.data();
  const UdpHeader header{load_be16(p), load_be16(p + 2), load_be16(p + 4), load_be16(p + 6)};
  if (header.bytes < kBytes || header.bytes > segment.size()) return std::nullopt;
  return header;
}

inline void UdpHeader::write(Bytes segment) const {
  std::uint8_t* p = segment.data();
  store_be16(p, source_port);
  store_be16(p + 2, destination_port);
  store_be16(p + 4, bytes);
  store_be16(p + 6, checksum);
}

}  // namespace enid::wire
