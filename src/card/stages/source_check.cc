#include "card/stages/source_check.h"

namespace enid::card {

StageResult source_check(Walk& walk) {
  const Packet& packet = walk.packet;
  if (packet.kind == PacketKind::kIpv6) return walk.drop(DropReason::kIpv6NotAssigned);
  if (packet.multicast) return walk.drop(DropReason::kMulticast);
  if (walk.from->owns(packet.source())) {
    if (walk.traced) walk.detail = packet.source().text() + " is the interface's";
    return StageResult::kPass;
  }
  if (!walk.from->program.source_dest_check) {
    if (walk.traced) walk.detail = "source/destination check is off";
    return StageResult::kPass;
  }
  if (walk.traced) walk.detail = packet.source().text() + " is not the interface's";
  return walk.drop(DropReason::kSourceNotOfInterface);
}

}  // namespace enid::card
