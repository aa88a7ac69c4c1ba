#include "card/services/service_packet.h"

#include <algorithm>

#include "wire/checksum.h"

namespace enid::card {
namespace {

constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNothing = 1;
constexpr std::uint8_t kOptionSegmentBytesMax = 2;
constexpr std::size_t kSegmentBytesOptionLength = 4;

// Over data and its checksum field: 0 when that is right; what belongs into it when it is zero.
std::uint16_t l4_checksum(Ipv4Address source, Ipv4Address target, std::uint8_t protocol, ConstBytes l4) {
  return wire::internet_checksum(l4, wire::pseudo_header_sum(source, target, protocol, l4.size()));
}

TcpFlags flags_of(const wire::TcpHeader& header) {
  return {.fin = header.has(wire::tcp_flag::kFin),
          .syn = header.has(wire::tcp_flag::kSyn),
          .rst = header.has(wire::tcp_flag::kRst),
          .psh = header.has(wire::tcp_flag::kPsh),
          .ack = header.has(wire::tcp_flag::kAck)};
}

std::uint8_t bits_of(const TcpFlags& flags) {
  using namespace wire::tcp_flag;
  return static_cast<std::uint8_t>((flags.fin ? kFin : 0) | (flags.syn ? kSyn : 0) | (flags.rst ? kRst : 0) |
                                   (flags.psh ? kPsh : 0) | (flags.ack ? kAck : 0));
}

bool read_tcp_options(TcpSegment& segment, ConstBytes options) {
  while (!options.empty() && options[0] != kOptionEnd) {
    if (options[0] == kOptionNothing) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) return false;
    if (options[0] == kOptionSegmentBytesMax && options[1] == kSegmentBytesOptionLength)
      segment.segment_bytes_max = load_be16(&options[2]);
    options = options.subspan(options[1]);
  }
  return true;
}

bool read_udp(ServicePacket& packet, ConstBytes l4, bool is_trusted) {
  const auto header = wire::UdpHeader::parse(l4);
  if (!header) return false;
  packet.source_port = header->source_port;
  packet.target_port = header->destination_port;
  // UDP's own length rules what its checksum covers; behind it there may be padding.
  const ConstBytes covered = l4.first(header->bytes);
  packet.payload = covered.subspan(kUdpHeaderBytes);
  return is_trusted || header->checksum == 0 ||
         l4_checksum(packet.source, packet.target, packet.protocol, covered) == 0;
}

bool read_tcp(ServicePacket& packet, ConstBytes l4, bool is_trusted) {
  const auto header = wire::TcpHeader::parse(l4);
  if (!header) return false;
  packet.source_port = header->source_port;
  packet.target_port = header->destination_port;
  packet.payload = l4.subspan(header->header_bytes);
  packet.tcp.sequence = header->sequence;
  packet.tcp.acknowledgement = header->acknowledgment;
  packet.tcp.flags = flags_of(*header);
  packet.tcp.window = header->window;
  if (!read_tcp_options(packet.tcp, l4.subspan(kTcpHeaderBytes, header->header_bytes - kTcpHeaderBytes)))
    return false;
  return is_trusted || l4_checksum(packet.source, packet.target, packet.protocol, l4) == 0;
}

// Ethernet and IPv4 headers for `l4_bytes` more; answers where those go. Empty: no room.
Bytes begin_packet(ServiceFrames& out, const ReturnPath& path, std::uint8_t protocol, std::size_t l4_bytes) {
  const std::size_t ip_bytes = kIpv4HeaderBytes + l4_bytes;
  if (ip_bytes > path.mtu || kEthernetHeaderBytes + ip_bytes > ServiceFrames::kFrameBytesMax) return {};
  const Bytes frame = out.add(path.to, kEthernetHeaderBytes + ip_bytes);
  if (frame.empty()) return {};
  wire::EthernetHeader{path.target_mac, path.source_mac, wire::ether_type::kIpv4}.write(frame);
  wire::Ipv4Header header;
  header.total_bytes = static_cast<std::uint16_t>(ip_bytes);
  header.fragment = wire::Ipv4Header::kDontFragment;
  header.time_to_live = path.time_to_live;
  header.protocol = protocol;
  header.source = path.source;
  header.destination = path.target;
  header.write(frame.subspan(kEthernetHeaderBytes));
  return frame.subspan(kEthernetHeaderBytes + kIpv4HeaderBytes);
}

}  // namespace

std::optional<ServicePacket> ServicePacket::parse(const Frame& frame) {
  const auto ethernet = wire::EthernetHeader::parse(frame.bytes);
  if (!ethernet) return std::nullopt;
  const ConstBytes ip = frame.bytes.subspan(kEthernetHeaderBytes);
  const auto header = wire::Ipv4Header::parse(ip);
  if (!header || header->is_fragment()) return std::nullopt;
  if (wire::internet_checksum(ip.first(header->header_bytes)) != 0) return std::nullopt;

  ServicePacket packet;
  packet.target_mac = ethernet->destination;
  packet.source = header->source;
  packet.target = header->destination;
  packet.protocol = header->protocol;
  const ConstBytes l4 = ip.first(header->total_bytes).subspan(header->header_bytes);
  const bool is_trusted = frame.offload.checksum_needed || frame.offload.checksum_valid;
  if (packet.protocol == wire::ip_protocol::kIcmp) packet.payload = l4;
  if (packet.protocol == wire::ip_protocol::kUdp && !read_udp(packet, l4, is_trusted)) return std::nullopt;
  if (packet.protocol == wire::ip_protocol::kTcp && !read_tcp(packet, l4, is_trusted)) return std::nullopt;
  return packet;
}

ReturnPath ReturnPath::of(const ServiceInterface& from, const ServicePacket& packet) {
  return {.to = from.handle,
          .source_mac = from.router_mac,
          .target_mac = from.mac,
          .source = packet.target,
          .target = packet.source,
          .source_port = packet.target_port,
          .target_port = packet.source_port,
          .mtu = from.mtu};
}

bool write_udp(ServiceFrames& out, const ReturnPath& path, ConstBytes payload) {
  const Bytes l4 = begin_packet(out, path, wire::ip_protocol::kUdp, kUdpHeaderBytes + payload.size());
  if (l4.empty()) return false;
  wire::UdpHeader{path.source_port, path.target_port, static_cast<std::uint16_t>(l4.size()), 0}.write(l4);
  std::ranges::copy(payload, l4.begin() + kUdpHeaderBytes);
  const std::uint16_t checksum = l4_checksum(path.source, path.target, wire::ip_protocol::kUdp, l4);
  // RFC 768: zero would say that there is none.
  store_be16(&l4[wire::UdpHeader::kChecksumAt], checksum == 0 ? std::uint16_t{0xffff} : checksum);
  return true;
}

bool write_tcp(ServiceFrames& out, const ReturnPath& path, const TcpSegment& segment, ConstBytes payload) {
  const bool has_option = segment.segment_bytes_max != 0;
  const std::size_t header_bytes = kTcpHeaderBytes + (has_option ? kSegmentBytesOptionLength : 0);
  const Bytes l4 = begin_packet(out, path, wire::ip_protocol::kTcp, header_bytes + payload.size());
  if (l4.empty()) return false;
  wire::TcpHeader header;
  header.source_port = path.source_port;
  header.destination_port = path.target_port;
  header.sequence = segment.sequence;
  header.acknowledgment = segment.acknowledgement;
  header.header_bytes = static_cast<std::uint8_t>(header_bytes);
  header.flags = bits_of(segment.flags);
  header.window = segment.window;
  header.write(l4);
  if (has_option) {
    l4[kTcpHeaderBytes] = kOptionSegmentBytesMax;
    l4[kTcpHeaderBytes + 1] = kSegmentBytesOptionLength;
    store_be16(&l4[kTcpHeaderBytes + 2], segment.segment_bytes_max);
  }
  std::ranges::copy(payload, l4.begin() + static_cast<std::ptrdiff_t>(header_bytes));
  store_be16(&l4[wire::TcpHeader::kChecksumAt],
             l4_checksum(path.source, path.target, wire::ip_protocol::kTcp, l4));
  return true;
}

}  // namespace enid::card
