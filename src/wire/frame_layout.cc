#include "wire/frame_layout.h"

#include <algorithm>
#include <cstring>

#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"

namespace enid::wire {
namespace {

constexpr std::size_t kUdpHeaderBytes = 8;
constexpr std::size_t kVlanTagBytes = 4;

void read_ipv4(ConstBytes frame, IpLength length, FrameLayout& layout) {
  const ConstBytes ip = frame.subspan(layout.ip_offset);
  if (ip.size() < Ipv4Header::kBytesMin || ip[0] >> 4 != 4) return;
  const std::size_t header_bytes = (ip[0] & 15u) * 4;
  const std::size_t total = length == IpLength::kToFrameEnd ? ip.size() : load_be16(ip.data() + 2);
  if (header_bytes < Ipv4Header::kBytesMin || total < header_bytes || total > ip.size()) return;
  const std::uint16_t fragment = load_be16(ip.data() + 6);
  layout.version = 4;
  layout.protocol = ip[9];
  layout.is_fragment = (fragment & (Ipv4Header::kMoreFragments | Ipv4Header::kFragmentOffsetMask)) != 0;
  layout.l4_offset = layout.ip_offset + header_bytes;
  layout.end = layout.ip_offset + total;
}

void read_ipv6(ConstBytes frame, IpLength length, FrameLayout& layout) {
  const ConstBytes ip = frame.subspan(layout.ip_offset);
  if (ip.size() < Ipv6Header::kBytes || ip[0] >> 4 != 6) return;
  const std::size_t payload =
      length == IpLength::kToFrameEnd ? ip.size() - Ipv6Header::kBytes : load_be16(ip.data() + 4);
  if (payload > ip.size() - Ipv6Header::kBytes || payload > 0xffff) return;
  Ipv6Header header;
  header.payload_bytes = static_cast<std::uint16_t>(payload);
  header.next_header = ip[6];
  const auto inner = find_ipv6_payload(header, ip);
  if (!inner) return;
  layout.version = 6;
  layout.protocol = inner->protocol;
  layout.is_fragment = inner->is_fragment;
  layout.l4_offset = layout.ip_offset + inner->offset;
  layout.end = layout.ip_offset + Ipv6Header::kBytes + payload;
}

void read_l4(ConstBytes frame, FrameLayout& layout) {
  const std::size_t left = layout.end - layout.l4_offset;
  std::size_t bytes = 0;
  if (layout.is_udp()) {
    bytes = kUdpHeaderBytes;
  } else if (layout.is_tcp() && left >= TcpHeader::kBytesMin) {
    bytes = std::size_t{frame[layout.l4_offset + 12]} / 16 * 4;
    if (bytes < TcpHeader::kBytesMin) return;
  }
  if (bytes <= left) layout.l4_header_bytes = bytes;
}

}  // namespace

bool FrameLayout::is_tcp() const { return protocol == ip_protocol::kTcp; }
bool FrameLayout::is_udp() const { return protocol == ip_protocol::kUdp; }

FrameLayout read_layout(ConstBytes frame, IpLength length) {
  FrameLayout layout;
  if (frame.size() < EthernetHeader::kBytes) return layout;
  std::uint16_t type = load_be16(frame.data() + 12);
  if (type == ether_type::kVlan && frame.size() >= EthernetHeader::kBytes + kVlanTagBytes) {
    type = load_be16(frame.data() + 16);
    layout.ip_offset += kVlanTagBytes;
  }
  if (type == ether_type::kIpv4) read_ipv4(frame, length, layout);
  if (type == ether_type::kIpv6) read_ipv6(frame, length, layout);
  if (layout.version != 0 && !layout.is_fragment) read_l4(frame, layout);
  return layout;
}

std::uint64_t pseudo_header_sum(ConstBytes frame, const FrameLayout& layout, std::size_t l4_bytes) {
  const std::uint64_t sum = std::uint64_t{layout.protocol} + l4_bytes;
  if (layout.version == 4) {
    return checksum_add(sum, frame.subspan(layout.ip_offset + Ipv4Header::kSourceAt, 8));
  }
  return checksum_add(sum, frame.subspan(layout.ip_offset + Ipv6Header::kSourceAt, 32));
}

}  // namespace enid::wire
