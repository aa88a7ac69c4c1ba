#include "card/stages/mtu.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "card/stages/icmp_error.h"
#include "wire/icmp.h"

namespace enid::card {

StageResult mtu(Walk& walk) {
  std::uint16_t path_mtu = std::min(walk.from->program.mtu, walk.to->program.mtu);
  walk.card.tables.resolve(*walk.to);
  if (walk.to->remote != nullptr) path_mtu = std::min(path_mtu, walk.to->remote->mtu);
  walk.decision.mtu = path_mtu;
  if (walk.traced) walk.detail = fmt::format("{} of {} bytes", walk.packet.mtu_bytes, path_mtu);
  if (walk.packet.mtu_bytes <= path_mtu) return StageResult::kPass;
  if (walk.packet.dont_fragment)
    send_icmp_error(walk, wire::icmp_type::kDestinationUnreachable,
                    wire::icmp_unreachable::kFragmentationNeeded, path_mtu);
  return walk.drop(DropReason::kMtuExceeded);
}

}  // namespace enid::card
