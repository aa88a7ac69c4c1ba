#include "wire/ipv6.h"

#include "wire/ip_protocol.h"

namespace enid::wire {

std::optional<Ipv6Header> Ipv6Header::parse(ConstBytes packet) {
  if (packet.size() < kBytes) return std::nullopt;
  const std::uint8_t* p = packet.data();
  if (p[0] >> 4 != 6) return std::nullopt;
  Ipv6Header header;
  header.traffic_class = static_cast<std::uint8_t>(load_be16(p) >> 4);
  header.flow_label = load_be32(p) & 0xfffff;
  header.payload_bytes = load_be16(p + 4);
  header.next_header = p[6];
  header.hop_limit = p[kHopLimitAt];
  std::memcpy(header.source.bytes.data(), p + kSourceAt, 16);
  std::memcpy(header.destination.bytes.data(), p + kDestinationAt, 16);
  if (kBytes + header.payload_bytes > packet.size()) return std::nullopt;
  return header;
}

void Ipv6Header::write(Bytes packet) const {
  std::uint8_t* p = packet.data();
  store_be32(p, 0x60000000 | std::uint32_t{traffic_class} << 20 | (flow_label & 0xfffff));
  store_be16(p + 4, payload_bytes);
  p[6] = next_header;
  p[kHopLimitAt] = hop_limit;
  std::memcpy(p + kSourceAt, source.bytes.data(), 16);
  std::memcpy(p + kDestinationAt, destination.bytes.data(), 16);
}

std::optional<Ipv6Payload> find_ipv6_payload(const Ipv6Header& header, ConstBytes packet) {
  constexpr int kExtensionHeadersMax = 8;
  const std::size_t end = Ipv6Header::kBytes + header.payload_bytes;
  Ipv6Payload payload{.protocol = header.next_header, .offset = Ipv6Header::kBytes};
  for (int i = 0; i < kExtensionHeadersMax; ++i) {
    std::size_t bytes = 0;
    switch (payload.protocol) {
      case ip_protocol::kHopByHop:
      case ip_protocol::kRouting:
      case ip_protocol::kDestinationOptions:
        if (payload.offset + 8 > end) return std::nullopt;
        bytes = (std::size_t{packet[payload.offset + 1]} + 1) * 8;
        break;
      case ip_protocol::kFragment: {
        if (payload.offset + 8 > end) return std::nullopt;
        bytes = 8;
        const std::uint16_t offset_and_flags = load_be16(packet.data() + payload.offset + 2);
        // RFC 6946: an "atomic" fragment, offset zero and nothing to follow, is a whole packet.
        payload.is_fragment = (offset_and_flags & 0xfff9) != 0;
        payload.is_first_fragment = (offset_and_flags & 0xfff8) == 0;
        break;
      }
      default:
        return payload;
    }
    if (payload.offset + bytes > end) return std::nullopt;
    payload.protocol = packet[payload.offset];
    payload.offset += bytes;
    if (!payload.is_first_fragment) return payload;  // What follows is the middle of something.
  }
  return std::nullopt;
}

}  // namespace enid::wire
