// The Geneve header: how a frame of a VPC travels between two cards.
//
//   Behind UDP, before the inner Ethernet frame. The VNI says which VPC; the outer UDP source port is a hash
//   of the inner flow, so that the underlay's ECMP spreads flows and keeps each in order.
//
// Documented: RFC 8926 sections 3.3 (UDP), 3.4 (header), 3.5 (options), 4.4.1 (a checksum over IPv6).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace enid::wire {

struct GeneveHeader {
  static constexpr std::size_t kBytesMin = 8;
  static constexpr std::uint16_t kPort = 6081;
  static constexpr std::uint16_t kEthernet = 0x6558;  // Transparent Ethernet Bridging.
  static constexpr std::uint32_t kVniMax = 0xffffff;

  std::uint16_t protocol = kEthernet;
  std::uint32_t vni = 0;
  std::uint16_t option_bytes = 0;  // A multiple of 4, at most 252.
  bool is_control = false;         // For the tunnel's end itself; never forwarded to an instance.
  bool has_critical_options = false;

  std::size_t bytes() const { return kBytesMin + option_bytes; }

  // `payload` is UDP's. Empty: cut short, another version, or options whose lengths contradict the header's.
  static std::optional<GeneveHeader> parse(ConstBytes payload);
  // The first kBytesMin bytes; options are the caller's.
  void write(Bytes payload) const;
};

// One option, in front of `rest`.
struct GeneveOption {
  std::uint16_t option_class = 0;
  std::uint8_t type = 0;  // The high bit: critical, a receiver that does not know it must drop the packet.
  ConstBytes value;
  ConstBytes rest;

  bool is_critical() const { return (type & 0x80) != 0; }

  // Empty at the end, and never for the options of a header that parse() accepted before that.
  static std::optional<GeneveOption> parse(ConstBytes options);
};

// The outer UDP source port of an inner flow with this hash: 49152 to 65535.
// Documented: RFC 8926 section 3.3, RFC 7605 section 7.
constexpr std::uint16_t geneve_source_port(std::uint32_t flow_hash) {
  return static_cast<std::uint16_t>(0xc000 | ((flow_hash ^ flow_hash >> 16) & 0x3fff));
}

}  // namespace enid::wire
