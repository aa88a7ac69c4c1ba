// The IPv4 header. Documented: RFC 791; DSCP and ECN RFC 2474 and RFC 3168.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace enid::wire {

struct Ipv4Header {
  static constexpr std::size_t kBytesMin = 20;
  static constexpr std::uint16_t kDontFragment = 0x4000;
  static constexpr std::uint16_t kMoreFragments = 0x2000;
  static constexpr std::uint16_t kFragmentOffsetMask = 0x1fff;

  // Offsets of the fields that are changed in place.
  static constexpr std::size_t kTimeToLiveAt = 8;
  static constexpr std::size_t kChecksumAt = 10;
  static constexpr std::size_t kSourceAt = 12;
  static constexpr std::size_t kDestinationAt = 16;

  std::uint8_t header_bytes = kBytesMin;  // With options.
  std::uint8_t type_of_service = 0;       // DSCP and ECN.
  std::uint16_t total_bytes = 0;          // Header and payload.
  std::uint16_t identification = 0;
  std::uint16_t fragment = 0;  // Flags and offset, as on the wire.
  std::uint8_t time_to_live = 64;
  std::uint8_t protocol = 0;
  Ipv4Address source;
  Ipv4Address destination;

  bool dont_fragment() const { return (fragment & kDontFragment) != 0; }
  bool is_fragment() const { return (fragment & (kMoreFragments | kFragmentOffsetMask)) != 0; }
  bool is_first_fragment() const { return (fragment & kFragmentOffsetMask) == 0; }

  // `packet` begins with the IP header. Checks version and lengths: header_bytes and total_bytes
  // lie within `packet`. The checksum is not verified; options are not read.
  static std::optional<Ipv4Header> parse(ConstBytes packet);
  // Writes a header without options, and its checksum.
  void write(Bytes packet) const;
};

// Inline: every packet of the card passes here.
inline std::optional<Ipv4Header> Ipv4Header::parse(ConstBytes packet) {
  if (packet.size() < kBytesMin) return std::nullopt;
  const std::uint8_t* p = packet.data();
  if (p[0] >> 4 != 4) return std::nullopt;
  Ipv4Header header;
  header.header_bytes = static_cast<std::uint8_t>((p[0] & 15) * 4);
  header.type_of_service = p[1];
  header.total_bytes = load_be16(p + 2);
  header.identification = load_be16(p + 4);
  header.fragment = load_be16(p + 6);
  header.time_to_live = p[kTimeToLiveAt];
  header.protocol = p[9];
  header.source = {load_be32(p + kSourceAt)};
  header.destination = {load_be32(p + kDestinationAt)};
  if (header.header_bytes < kBytesMin || header.total_bytes < header.header_bytes ||
      header.total_bytes > packet.size())
    return std::nullopt;
  return header;
}

}  // namespace enid::wire
