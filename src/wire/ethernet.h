// Ethernet II: the 14 bytes before everything else.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace enid::wire {

namespace ether_type {
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kArp = 0x0806;
constexpr std::uint16_t kVlan = 0x8100;         // IEEE 802.1Q.
constexpr std::uint16_t kServiceVlan = 0x88a8;  // IEEE 802.1ad.
constexpr std::uint16_t kIpv6 = 0x86dd;
}  // namespace ether_type

constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct EthernetHeader {
  static constexpr std::size_t kBytes = 14;

  MacAddress destination;
  MacAddress source;
  std::uint16_t type = 0;

  static std::optional<EthernetHeader> parse(ConstBytes frame);
  void write(Bytes frame) const;  // The first kBytes of `frame`.
};

inline std::optional<EthernetHeader> EthernetHeader::parse(ConstBytes frame) {
  if (frame.size() < kBytes) return std::nullopt;
  EthernetHeader header;
  std::memcpy(header.destination.bytes.data(), frame.data(), 6);
  std::memcpy(header.source.bytes.data(), frame.data() + 6, 6);
  header.type = load_be16(frame.data() + 12);
  return header;
}

inline void EthernetHeader::write(Bytes frame) const {
  std::memcpy(frame.data(), destination.bytes.data(), 6);
  std::memcpy(frame.data() + 6, source.bytes.data(), 6);
  store_be16(frame.data() + 12, type);
}

}  // namespace enid::wire
