// ICMP for IPv4 and ICMPv6: the eight bytes that all their messages begin with.
// Documented: RFC 792, RFC 1191 (next-hop MTU), RFC 4443.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace enid::wire {

namespace icmp_type {
constexpr std::uint8_t kEchoReply = 0;
constexpr std::uint8_t kDestinationUnreachable = 3;
constexpr std::uint8_t kRedirect = 5;
constexpr std::uint8_t kEchoRequest = 8;
constexpr std::uint8_t kTimeExceeded = 11;
constexpr std::uint8_t kParameterProblem = 12;
}  // namespace icmp_type

// Codes of kDestinationUnreachable.
namespace icmp_unreachable {
constexpr std::uint8_t kPort = 3;
constexpr std::uint8_t kFragmentationNeeded = 4;
}  // namespace icmp_unreachable

namespace icmp_v6_type {
constexpr std::uint8_t kPacketTooBig = 2;
constexpr std::uint8_t kErrorLast = 127;  // Types up to here are errors: RFC 4443 section 2.1.
constexpr std::uint8_t kEchoRequest = 128;
constexpr std::uint8_t kEchoReply = 129;
}  // namespace icmp_v6_type

constexpr bool is_icmp_error(std::uint8_t type) {
  return type == icmp_type::kDestinationUnreachable || type == icmp_type::kRedirect ||
         type == icmp_type::kTimeExceeded || type == icmp_type::kParameterProblem;
}

struct IcmpHeader {
  static constexpr std::size_t kBytes = 8;

  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint16_t checksum = 0;
  std::uint16_t identifier = 0;  // Echo. Unused with fragmentation needed.
  std::uint16_t sequence = 0;    // Echo. The next hop's MTU with fragmentation needed.

  static std::optional<IcmpHeader> parse(ConstBytes message);
  // Writes the header and the checksum over the whole message (IPv4; ICMPv6 needs a pseudo header).
  void write(Bytes message) const;
};

// Makes the Ethernet frame of an ICMP error about `offending` (an IPv4 packet from its header on),
// from `router` to its sender. Answers the bytes written into `frame`; zero when there is no room
// or when no error may be sent about it. Documented: RFC 1122 section 3.2.2, RFC 1812 section 4.3.2.
struct IcmpErrorSpec {
  MacAddress router_mac;
  MacAddress sender_mac;
  Ipv4Address router;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint16_t next_hop_mtu = 0;
};
std::size_t write_icmp_error(const IcmpErrorSpec& spec, ConstBytes offending, Bytes frame);
constexpr std::size_t kIcmpErrorBytesMax = 14 + 576;  // RFC 1812: at most 576 bytes of IP.

}  // namespace enid::wire
