#include "wire/ipv4.h"

#include "wire/checksum.h"

namespace enid::wire {

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
