// The IPv6 header, and the walk over its extension headers. Documented: RFC 8200.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace enid::wire {

struct Ipv6Header {
  static constexpr std::size_t kBytes = 40;
  static constexpr std::size_t kHopLimitAt = 7;
  static constexpr std::size_t kSourceAt = 8;
  static constexpr std::size_t kDestinationAt = 24;

  std::uint8_t traffic_class = 0;
  std::uint32_t flow_label = 0;
  std::uint16_t payload_bytes = 0;  // Extension headers included.
  std::uint8_t next_header = 0;
  std::uint8_t hop_limit = 64;
  Ipv6Address source;
  Ipv6Address destination;

  // `packet` begins with the IP header; payload_bytes lies within it.
  static std::optional<Ipv6Header> parse(ConstBytes packet);
  void write(Bytes packet) const;
};

// Where the upper layer begins.
struct Ipv6Payload {
  std::uint8_t protocol = 0;
  std::size_t offset = 0;  // From the IP header's first byte.
  bool is_fragment = false;
  bool is_first_fragment = true;
};

// Steps over extension headers, at most eight of them. Empty when they are cut short or too many.
std::optional<Ipv6Payload> find_ipv6_payload(const Ipv6Header& header, ConstBytes packet);

}  // namespace enid::wire
