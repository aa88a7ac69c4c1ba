// Packet: what the parse stage learned of a frame's headers; all that later stages look at.
#pragma once

#include <cstdint>

#include "base/ip_address.h"
#include "flow/flow_key.h"
#include "wire/ip_protocol.h"

namespace enid::card {

enum class PacketKind : std::uint8_t { kIpv4, kIpv6, kArp };

struct Packet {
  // Ports of TCP and UDP. ICMP echo: the requester's port is the identifier, the other one zero.
  flow::FlowKey key;  // Of the direction in which the packet goes; scope is its interface's.
  PacketKind kind = PacketKind::kIpv4;
  std::uint8_t tcp_flags = 0;  // Zero for later fragments.
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  std::uint8_t time_to_live = 0;
  bool dont_fragment = false;
  bool multicast = false;        // Or broadcast; Ethernet or IP.
  bool cacheable = false;        // Its decision holds for every packet with the same key.
  bool quotes_a_packet = false;  // An ICMP error: `quoted` is valid.
  std::uint16_t mtu_bytes = 0;   // IP bytes of the largest packet after segmentation.
  std::uint16_t ip_bytes = 0;    // IP bytes of the frame, as it is.
  std::uint16_t segments = 1;
  std::uint32_t wire_bytes = 0;  // Ethernet bytes after segmentation, all together.
  flow::FlowKey quoted;          // What the ICMP error is about, in that packet's own direction.

  std::uint8_t protocol() const { return key.protocol(); }
  bool is_tcp() const { return protocol() == wire::ip_protocol::kTcp; }
  bool is_udp() const { return protocol() == wire::ip_protocol::kUdp; }
  bool is_icmp() const { return protocol() == wire::ip_protocol::kIcmp; }
  Ipv4Address source() const { return {key.source}; }
  Ipv4Address destination() const { return {key.destination}; }
};

}  // namespace enid::card
