#include "card/stages/parse.h"

#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace enid::card {
namespace {

namespace ip_protocol = wire::ip_protocol;
using wire::EthernetHeader;
using wire::Ipv4Header;

// The key of the packet that an ICMP error quotes. At least eight bytes behind its IP header are
// quoted (RFC 792), which is enough for ports.
bool read_quoted_packet(ConstBytes quoted, std::uint32_t interface, flow::FlowKey& key) {
  if (quoted.size() < Ipv4Header::kBytesMin + 8) return false;
  const std::uint8_t* ip = quoted.data();
  const std::size_t header_bytes = (ip[0] & 15u) * 4;
  if (ip[0] >> 4 != 4 || header_bytes < Ipv4Header::kBytesMin || header_bytes + 8 > quoted.size())
    return false;
  const std::uint8_t protocol = ip[9];
  key.source = load_be32(ip + Ipv4Header::kSourceAt);
  key.destination = load_be32(ip + Ipv4Header::kDestinationAt);
  key.scope = flow::FlowKey::scope_of(interface, protocol);
  const std::uint8_t* l4 = ip + header_bytes;
  if (protocol == ip_protocol::kTcp || protocol == ip_protocol::kUdp) {
    key.source_port = load_be16(l4);
    key.destination_port = load_be16(l4 + 2);
  } else if (protocol == ip_protocol::kIcmp) {
    // An error quotes what it answers: a request, or somebody's reply to one.
    if (l4[0] == wire::icmp_type::kEchoRequest) key.source_port = load_be16(l4 + 4);
    if (l4[0] == wire::icmp_type::kEchoReply) key.destination_port = load_be16(l4 + 4);
  }
  return true;
}

bool read_icmp(ConstBytes message, std::uint32_t interface, Packet& packet) {
  if (message.size() < wire::IcmpHeader::kBytes) return false;
  packet.icmp_type = message[0];
  packet.icmp_code = message[1];
  const std::uint16_t identifier = load_be16(message.data() + 4);
  if (packet.icmp_type == wire::icmp_type::kEchoRequest) packet.key.source_port = identifier;
  if (packet.icmp_type == wire::icmp_type::kEchoReply) packet.key.destination_port = identifier;
  if (wire::is_icmp_error(packet.icmp_type))
    packet.quotes_a_packet =
        read_quoted_packet(message.subspan(wire::IcmpHeader::kBytes), interface, packet.quoted);
  return true;
}

// `l4` is the IP payload. Sets ports, flags and `l4_header_bytes`.
bool read_l4(ConstBytes l4, std::uint32_t interface, Packet& packet, std::size_t& l4_header_bytes) {
  switch (packet.protocol()) {
    case ip_protocol::kTcp:
      if (l4.size() < wire::TcpHeader::kBytesMin) return false;
      l4_header_bytes = (l4[12] >> 4) * 4u;
      if (l4_header_bytes < wire::TcpHeader::kBytesMin || l4_header_bytes > l4.size()) return false;
      packet.tcp_flags = l4[wire::TcpHeader::kFlagsAt];
      break;
    case ip_protocol::kUdp:
      if (l4.size() < wire::UdpHeader::kBytes) return false;
      l4_header_bytes = wire::UdpHeader::kBytes;
      break;
    case ip_protocol::kIcmp:
      return read_icmp(l4, interface, packet);
    default:
      packet.cacheable = true;
      return true;
  }
  packet.key.source_port = load_be16(l4.data());
  packet.key.destination_port = load_be16(l4.data() + 2);
  packet.cacheable = true;
  return true;
}

DropReason read_fragment(const Ipv4Header& ip, ConstBytes l4, Interface& from, Instant now, bool remember,
                         Packet& packet) {
  const flow::FragmentKey key{ip.source.value, ip.destination.value, ip.identification, ip.protocol};
  if (ip.is_first_fragment()) {
    std::size_t l4_header_bytes = 0;
    if (!read_l4(l4, from.handle, packet, l4_header_bytes)) return DropReason::kMalformed;
    if (remember) {
      if (from.fragments == nullptr) from.fragments = std::make_unique<flow::FragmentTable>();
      from.fragments->remember(key, {packet.key.source_port, packet.key.destination_port}, now);
      // What the later fragments of a ping are judged by; its type and code have no other place.
      if (packet.is_icmp())
        from.fragments->remember(
            {key.source, key.destination, key.identification, ip_protocol::kNoNextHeader},
            {packet.icmp_type, packet.icmp_code}, now);
    }
    return DropReason::kNone;
  }
  // A second fragment that begins within the TCP header could rewrite flags behind our back.
  if (ip.protocol == ip_protocol::kTcp && (ip.fragment & Ipv4Header::kFragmentOffsetMask) < 3)
    return DropReason::kMalformed;
  if (from.fragments == nullptr) return DropReason::kFirstFragmentUnknown;
  const auto ports = from.fragments->find(key, now);
  if (!ports) return DropReason::kFirstFragmentUnknown;
  packet.key.source_port = ports->source_port;
  packet.key.destination_port = ports->destination_port;
  packet.cacheable = !packet.is_icmp();
  if (packet.is_icmp()) {
    const auto type_and_code = from.fragments->find(
        {key.source, key.destination, key.identification, ip_protocol::kNoNextHeader}, now);
    if (!type_and_code) return DropReason::kFirstFragmentUnknown;
    packet.icmp_type = static_cast<std::uint8_t>(type_and_code->source_port);
    packet.icmp_code = static_cast<std::uint8_t>(type_and_code->destination_port);
  }
  return DropReason::kNone;
}

// Sets segments, mtu_bytes and wire_bytes. False: the notes do not fit the frame.
bool read_offload(const Frame& frame, bool is_fragment, std::size_t ip_header_bytes,
                  std::size_t l4_header_bytes, Packet& packet) {
  const FrameOffload& notes = frame.offload;
  packet.mtu_bytes = packet.ip_bytes;
  packet.wire_bytes = static_cast<std::uint32_t>(EthernetHeader::kBytes + packet.ip_bytes);
  if (notes.checksum_needed &&
      std::size_t{notes.checksum_start} + notes.checksum_offset + 2 > frame.bytes.size())
    return false;
  if (notes.segmentation == Segmentation::kNone) return true;
  if (is_fragment || notes.segment_bytes == 0) return false;
  if (notes.segmentation != (packet.is_tcp() ? Segmentation::kTcp4 : Segmentation::kUdp)) return false;
  if (!packet.is_tcp() && !packet.is_udp()) return false;
  const std::size_t headers = ip_header_bytes + l4_header_bytes;
  const std::size_t payload = packet.ip_bytes - headers;
  if (payload <= notes.segment_bytes) return true;
  const std::size_t segments = (payload + notes.segment_bytes - 1) / notes.segment_bytes;
  packet.segments = static_cast<std::uint16_t>(segments);
  packet.mtu_bytes = static_cast<std::uint16_t>(headers + notes.segment_bytes);
  packet.wire_bytes = static_cast<std::uint32_t>(payload + segments * (EthernetHeader::kBytes + headers));
  return true;
}

DropReason parse_ipv4(const Frame& frame, Interface& from, Instant now, bool remember, Packet& packet) {
  const ConstBytes bytes = ConstBytes(frame.bytes).subspan(EthernetHeader::kBytes);
  const auto ip = Ipv4Header::parse(bytes);
  if (!ip) return DropReason::kMalformed;
  packet.kind = PacketKind::kIpv4;
  packet.key.source = ip->source.value;
  packet.key.destination = ip->destination.value;
  packet.key.scope = flow::FlowKey::scope_of(from.handle, ip->protocol);
  packet.time_to_live = ip->time_to_live;
  packet.dont_fragment = ip->dont_fragment();
  packet.ip_bytes = ip->total_bytes;
  packet.multicast |= ip->destination.value >= 0xe0000000;  // 224.0.0.0/4, 240.0.0.0/4, broadcast.
  const ConstBytes l4 = bytes.subspan(ip->header_bytes, ip->total_bytes - ip->header_bytes);
  std::size_t l4_header_bytes = 0;
  if (ip->is_fragment()) [[unlikely]] {
    const DropReason reason = read_fragment(*ip, l4, from, now, remember, packet);
    if (reason != DropReason::kNone) return reason;
  } else if (!read_l4(l4, from.handle, packet, l4_header_bytes)) {
    return DropReason::kMalformed;
  }
  if (!read_offload(frame, ip->is_fragment(), ip->header_bytes, l4_header_bytes, packet))
    return DropReason::kMalformedOffload;
  return DropReason::kNone;
}

}  // namespace

DropReason parse(const Frame& frame, Interface& from, Instant now, bool remember_fragments, Packet& packet) {
  const ConstBytes bytes = frame.bytes;
  if (bytes.size() < EthernetHeader::kBytes) return DropReason::kMalformed;
  if (!from.is_entrance) {
    if (!from.programmed) return DropReason::kNotProgrammed;
    if (!from.attached() || from.is_elsewhere) return DropReason::kNotAttached;
    if (std::memcmp(bytes.data() + 6, from.program.mac.bytes.data(), 6) != 0)
      return DropReason::kSourceMacNotOfInterface;
  }
  packet.multicast = (bytes[0] & 1) != 0;
  packet.wire_bytes = static_cast<std::uint32_t>(bytes.size());
  switch (load_be16(bytes.data() + 12)) {
    case wire::ether_type::kIpv4:
      return parse_ipv4(frame, from, now, remember_fragments, packet);
    case wire::ether_type::kArp:
      packet.kind = PacketKind::kArp;
      return DropReason::kNone;
    case wire::ether_type::kIpv6:
      packet.kind = PacketKind::kIpv6;
      return wire::Ipv6Header::parse(bytes.subspan(EthernetHeader::kBytes)) ? DropReason::kNone
                                                                            : DropReason::kMalformed;
    case wire::ether_type::kVlan:
    case wire::ether_type::kServiceVlan:
      return DropReason::kVlanTagged;
    default:
      return DropReason::kUnknownEtherType;
  }
}

}  // namespace enid::card
