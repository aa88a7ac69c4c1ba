// The TCP header. Documented: RFC 9293 section 3.1.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace enid::wire {

namespace tcp_flag {
constexpr std::uint8_t kFin = 0x01;
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kRst = 0x04;
constexpr std::uint8_t kPsh = 0x08;
constexpr std::uint8_t kAck = 0x10;
}  // namespace tcp_flag

struct TcpHeader {
  static constexpr std::size_t kBytesMin = 20;
  static constexpr std::size_t kFlagsAt = 13;
  static constexpr std::size_t kChecksumAt = 16;

  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  std::uint8_t header_bytes = kBytesMin;  // With options; a multiple of 4.
  std::uint8_t flags = 0;
  std::uint16_t window = 0;
  std::uint16_t checksum = 0;
  std::uint16_t urgent_pointer = 0;

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }

  // `segment` is the IP payload; header_bytes lies within it. The checksum is not verified.
  static std::optional<TcpHeader> parse(ConstBytes segment);
  void write(Bytes segment) const;  // The first kBytesMin bytes; options are the caller's.
};

inline std::optional<TcpHeader> TcpHeader::parse(ConstBytes segment) {
  if (segment.size() < kBytesMin) return std::nullopt;
  const std::uint8_t* p = segment.data();
  TcpHeader header;
  header.source_port = load_be16(p);
  header.destination_port = load_be16(p + 2);
  header.sequence = load_be32(p + 4);
  header.acknowledgment = load_be32(p + 8);
  header.header_bytes = static_cast<std::uint8_t>((p[12] >> 4) * 4);
  header.flags = p[kFlagsAt];
  header.window = load_be16(p + 14);
  header.checksum = load_be16(p + kChecksumAt);
  header.urgent_pointer = load_be16(p + 18);
  if (header.header_bytes < kBytesMin || header.header_bytes > segment.size()) return std::nullopt;
  return header;
}

inline void TcpHeader::write(Bytes segment) const {
  std::uint8_t* p = segment.data();
  store_be16(p, source_port);
  store_be16(p + 2, destination_port);
  store_be32(p + 4, sequence);
  store_be32(p + 8, acknowledgment);
  p[12] = static_cast<std::uint8_t>(header_bytes / 4 << 4);
  p[kFlagsAt] = flags;
  store_be16(p + 14, window);
  store_be16(p + kChecksumAt, checksum);
  store_be16(p + 18, urgent_pointer);
}

}  // namespace enid::wire
