#include "wire/icmp.h"

#include <algorithm>

#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"

namespace enid::wire {

std::optional<IcmpHeader> IcmpHeader::parse(ConstBytes message) {
  if (message.size() < kBytes) return std::nullopt;
  const std::uint8_t* p = message.data();
  return IcmpHeader{p[0], p[1], load_be16(p + 2), load_be16(p + 4), load_be16(p + 6)};
}

void IcmpHeader::write(Bytes message) const {
  std::uint8_t* p = message.data();
  p[0] = type;
  p[1] = code;
  store_be16(p + 2, 0);
  store_be16(p + 4, identifier);
  store_be16(p + 6, sequence);
  store_be16(p + 2, internet_checksum(message));
}

std::size_t write_icmp_error(const IcmpErrorSpec& spec, ConstBytes offending, Bytes frame) {
  const auto header = Ipv4Header::parse(offending);
  if (!header || !header->is_first_fragment() || header->source.value == 0 ||
      header->source.value >= 0xe0000000)  // Multicast, reserved, broadcast.
    return 0;
  // No error about an error, or two routers would talk for ever.
  if (header->protocol == ip_protocol::kIcmp) {
    const auto icmp = IcmpHeader::parse(offending.subspan(header->header_bytes));
    if (!icmp || is_icmp_error(icmp->type)) return 0;
  }
  constexpr std::size_t kHeadersBytes = EthernetHeader::kBytes + Ipv4Header::kBytesMin + IcmpHeader::kBytes;
  if (frame.size() < kIcmpErrorBytesMax) return 0;
  const std::size_t quoted = std::min<std::size_t>(header->total_bytes, kIcmpErrorBytesMax - kHeadersBytes);

  EthernetHeader{spec.sender_mac, spec.router_mac, ether_type::kIpv4}.write(frame);
  std::memcpy(frame.data() + kHeadersBytes, offending.data(), quoted);
  IcmpHeader{.type = spec.type, .code = spec.code, .sequence = spec.next_hop_mtu}.write(
      frame.subspan(EthernetHeader::kBytes + Ipv4Header::kBytesMin, IcmpHeader::kBytes + quoted));
  Ipv4Header ip;
  ip.type_of_service = 0xc0;  // Internetwork control: RFC 1812 section 4.3.2.5.
  ip.total_bytes = static_cast<std::uint16_t>(Ipv4Header::kBytesMin + IcmpHeader::kBytes + quoted);
  ip.protocol = ip_protocol::kIcmp;
  ip.source = spec.router;
  ip.destination = header->source;
  ip.write(frame.subspan(EthernetHeader::kBytes));
  return kHeadersBytes + quoted;
}

}  // namespace enid::wire
