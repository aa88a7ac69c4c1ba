#include "card/stages/icmp_error.h"

#include <array>

#include "card/stages/security_group.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"

namespace enid::card {

void send_icmp_error(Walk& walk, std::uint8_t type, std::uint8_t code, std::uint16_t next_hop_mtu) {
  Interface& from = *walk.from;
  walk.card.tables.resolve(from);
  if (walk.traced || from.subnet == nullptr) return;
  wire::IcmpErrorSpec spec;
  spec.router_mac = kRouterMac;
  spec.sender_mac = from.program.mac;
  spec.router = from.subnet->cidr_block.at(1);
  spec.type = type;
  spec.code = code;
  spec.next_hop_mtu = next_hop_mtu;
  if (!admits_icmp_error(walk.card, from, spec.router, type, code, walk.packet.key, walk.now)) return;

  std::array<std::uint8_t, wire::kIcmpErrorBytesMax> frame;
  const ConstBytes offending = ConstBytes(walk.frame.bytes).subspan(wire::EthernetHeader::kBytes);
  const std::size_t bytes = wire::write_icmp_error(spec, offending, frame);
  if (bytes == 0) return;
  const Bytes room = walk.card.card_frames.add(from.handle, bytes);
  if (!room.empty()) std::memcpy(room.data(), frame.data(), bytes);
}

}  // namespace enid::card
