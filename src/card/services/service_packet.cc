#include "card/services/service_packet.h"

#include <algorithm>

namespace enid::card {
namespace {

constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint16_t kFragmentMask = 0x3fff;  // More-fragments and the offset.
constexpr std::uint8_t kFin = 0x01;
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kRst = 0x04;
constexpr std::uint8_t kPsh = 0x08;
constexpr std::uint8_t kAck = 0x10;
constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNothing = 1;
constexpr std::uint8_t kOptionSegmentBytesMax = 2;
constexpr std::size_t kSegmentBytesOptionLength = 4;

// RFC 1071, without the folding.
std::uint64_t sum_of(ConstBytes bytes) {
  std::uint64_t sum = 0;
  std::size_t at = 0;
  for (; at + 1 < bytes.size(); at += 2) sum += load_be16(&bytes[at]);
  if (at < bytes.size()) sum += static_cast<std::uint64_t>(bytes[at]) << 8;
  return sum;
}

std::uint16_t fold(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// 0 when `l4` carries a right checksum; what belongs into its zeroed field otherwise.
std::uint16_t l4_checksum(Ipv4Address source, Ipv4Address target, std::uint8_t protocol, ConstBytes l4) {
  std::uint64_t sum = sum_of(l4) + protocol + l4.size();
  for (const Ipv4Address address : {source, target}) sum += (address.value >> 16) + (address.value & 0xffff);
  return fold(sum);
}

bool l4_checksum_is_right(const ServicePacket& packet, ConstBytes l4, const FrameOffload& offload) {
  if (offload.checksum_needed || offload.checksum_valid) return true;
  // RFC 768: zero means that the sender made none.
  if (packet.protocol == kProtocolUdp && load_be16(&l4[6]) == 0) return true;
  return l4_checksum(packet.source, packet.target, packet.protocol, l4) == 0;
}

bool read_udp(ServicePacket& packet, ConstBytes l4) {
  const std::size_t length = load_be16(&l4[4]);
  if (length < kUdpHeaderBytes || length > l4.size()) return false;
  packet.payload = l4.subspan(kUdpHeaderBytes, length - kUdpHeaderBytes);
  return true;
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

bool read_tcp(ServicePacket& packet, ConstBytes l4) {
  const std::size_t header_bytes = std::size_t{l4[12]} >> 4 << 2;
  if (header_bytes < kTcpHeaderBytes || header_bytes > l4.size()) return false;
  const std::uint8_t flags = l4[13];
  packet.tcp.sequence = load_be32(&l4[4]);
  packet.tcp.acknowledgement = load_be32(&l4[8]);
  packet.tcp.flags = {.fin = (flags & kFin) != 0,
                      .syn = (flags & kSyn) != 0,
                      .rst = (flags & kRst) != 0,
                      .psh = (flags & kPsh) != 0,
                      .ack = (flags & kAck) != 0};
  packet.tcp.window = load_be16(&l4[14]);
  packet.payload = l4.subspan(header_bytes);
  return read_tcp_options(packet.tcp, l4.subspan(kTcpHeaderBytes, header_bytes - kTcpHeaderBytes));
}

// Ethernet and IPv4 headers for `l4_bytes` more; answers where those go. Empty: no room.
Bytes begin_packet(ServiceFrames& out, const ReturnPath& path, std::uint8_t protocol, std::size_t l4_bytes) {
  const std::size_t ip_bytes = kIpv4HeaderBytes + l4_bytes;
  if (ip_bytes > path.mtu || kEthernetHeaderBytes + ip_bytes > ServiceFrames::kFrameBytesMax) return {};
  const Bytes frame = out.add(path.to, kEthernetHeaderBytes + ip_bytes);
  if (frame.empty()) return {};
  std::ranges::copy(path.target_mac.bytes, frame.begin());
  std::ranges::copy(path.source_mac.bytes, frame.begin() + 6);
  store_be16(&frame[12], kEtherTypeIpv4);
  const Bytes ip = frame.subspan(kEthernetHeaderBytes);
  ip[0] = 0x45;
  store_be16(&ip[2], static_cast<std::uint16_t>(ip_bytes));
  store_be16(&ip[6], kDontFragment);
  ip[8] = path.time_to_live;
  ip[9] = protocol;
  store_be32(&ip[12], path.source.value);
  store_be32(&ip[16], path.target.value);
  store_be16(&ip[10], fold(sum_of(ip.first(kIpv4HeaderBytes))));
  const Bytes l4 = ip.subspan(kIpv4HeaderBytes);
  store_be16(&l4[0], path.source_port);
  store_be16(&l4[2], path.target_port);
  return l4;
}

}  // namespace

std::optional<ServicePacket> ServicePacket::parse(const Frame& frame) {
  const ConstBytes bytes = frame.bytes;
  if (bytes.size() < kEthernetHeaderBytes + kIpv4HeaderBytes) return std::nullopt;
  const ConstBytes ip = bytes.subspan(kEthernetHeaderBytes);
  const std::size_t header_bytes = std::size_t{ip[0]} % 16 * 4;
  const std::size_t total_bytes = load_be16(&ip[2]);
  if (ip[0] >> 4 != 4 || header_bytes < kIpv4HeaderBytes || header_bytes > total_bytes) return std::nullopt;
  if (total_bytes > ip.size() || fold(sum_of(ip.first(header_bytes))) != 0) return std::nullopt;
  if ((load_be16(&ip[6]) & kFragmentMask) != 0) return std::nullopt;

  ServicePacket packet;
  std::copy_n(bytes.begin(), packet.target_mac.bytes.size(), packet.target_mac.bytes.begin());
  packet.protocol = ip[9];
  packet.source = Ipv4Address{load_be32(&ip[12])};
  packet.target = Ipv4Address{load_be32(&ip[16])};
  if (packet.protocol != kProtocolTcp && packet.protocol != kProtocolUdp) return packet;

  const ConstBytes l4 = ip.subspan(header_bytes, total_bytes - header_bytes);
  const bool is_tcp = packet.protocol == kProtocolTcp;
  if (l4.size() < (is_tcp ? kTcpHeaderBytes : kUdpHeaderBytes)) return std::nullopt;
  packet.source_port = load_be16(&l4[0]);
  packet.target_port = load_be16(&l4[2]);
  if (!(is_tcp ? read_tcp(packet, l4) : read_udp(packet, l4))) return std::nullopt;
  // UDP's own length rules what its checksum covers; behind it there may be padding.
  const ConstBytes covered = is_tcp ? l4 : l4.first(kUdpHeaderBytes + packet.payload.size());
  if (!l4_checksum_is_right(packet, covered, frame.offload)) return std::nullopt;
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
  const Bytes l4 = begin_packet(out, path, kProtocolUdp, kUdpHeaderBytes + payload.size());
  if (l4.empty()) return false;
  store_be16(&l4[4], static_cast<std::uint16_t>(l4.size()));
  std::ranges::copy(payload, l4.begin() + kUdpHeaderBytes);
  const std::uint16_t checksum = l4_checksum(path.source, path.target, kProtocolUdp, l4);
  store_be16(&l4[6], checksum == 0 ? std::uint16_t{0xffff} : checksum);
  return true;
}

bool write_tcp(ServiceFrames& out, const ReturnPath& path, const TcpSegment& segment, ConstBytes payload) {
  const std::size_t header_bytes =
      kTcpHeaderBytes + (segment.segment_bytes_max != 0 ? kSegmentBytesOptionLength : 0);
  const Bytes l4 = begin_packet(out, path, kProtocolTcp, header_bytes + payload.size());
  if (l4.empty()) return false;
  store_be32(&l4[4], segment.sequence);
  store_be32(&l4[8], segment.acknowledgement);
  l4[12] = static_cast<std::uint8_t>(header_bytes / 4 << 4);
  const TcpFlags& flags = segment.flags;
  l4[13] =
      static_cast<std::uint8_t>((flags.fin ? kFin : 0) | (flags.syn ? kSyn : 0) | (flags.rst ? kRst : 0) |
                                (flags.psh ? kPsh : 0) | (flags.ack ? kAck : 0));
  store_be16(&l4[14], segment.window);
  if (segment.segment_bytes_max != 0) {
    l4[kTcpHeaderBytes] = kOptionSegmentBytesMax;
    l4[kTcpHeaderBytes + 1] = kSegmentBytesOptionLength;
    store_be16(&l4[kTcpHeaderBytes + 2], segment.segment_bytes_max);
  }
  std::ranges::copy(payload, l4.begin() + static_cast<std::ptrdiff_t>(header_bytes));
  store_be16(&l4[16], l4_checksum(path.source, path.target, kProtocolTcp, l4));
  return true;
}

}  // namespace enid::card
