#include "wire/ipv4.h"

#include "wire/checksum.h"

namespace enid::wire {

std::optional<Ipv4Header> Ipv4Header::parse(ConstBytes packet) {
  if (packet.size() < kBytesMin) return std::nullopt;
  const std::uint8_t* p = packet.data();
  if (p[0] >> 4 != 4) return std::nullopt;
  Ipv4Header header;
  header.header_bytes = static_cast<std::uint8_t>((p[0] & 15) * 4);
  header.type_of_service = p[1];
  header.total_bytes = load_be16(p + 2);
  header.identification = load_be16(p + 4);
  header.fragment = load_be16(p + 6);
  header.time_to_live = p[kTimeToLiveAt];
  header.protocol = p[9];
  header.source = {load_be32(p + kSourceAt)};
  header.destination = {load_be32(p + kDestinationAt)};
  if (header.header_bytes < kBytesMin || header.total_bytes < header.header_bytes ||
      header.total_bytes > packet.size())
    return std::nullopt;
  return header;
}

void Ipv4Header::write(Bytes packet) const {
  std::uint8_t* p = packet.data();
  p[0] = 0x45;
  p[1] = type_of_service;
  store_be16(p + 2, total_bytes);
  store_be16(p + 4, identification);
  store_be16(p + 6, fragment);
  p[kTimeToLiveAt] = time_to_live;
  p[9] = protocol;
  store_be16(p + kChecksumAt, 0);
  store_be32(p + kSourceAt, source.value);
  store_be32(p + kDestinationAt, destination.value);
  store_be16(p + kChecksumAt, internet_checksum(packet.first(kBytesMin)));
}

}  // namespace enid::wire
