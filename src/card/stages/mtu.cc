#include "card/stages/mtu.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "card/stages/express.h"
#include "card/stages/icmp_error.h"
#include "wire/icmp.h"

namespace enid::card {

StageResult mtu(Walk& walk) {
  std::uint16_t path_mtu = std::min(walk.from->program.mtu, walk.to->program.mtu);
  walk.card.tables.resolve(*walk.to);
  if (const RemoteHost* const remote = walk.to->remote; remote != nullptr) {
    path_mtu = std::min(path_mtu, remote->mtu);
    if (remote->express != nullptr && remote->express_mtu < kExpressMtu && walk.packet.is_tcp() &&
        express_eligibility(walk) == ExpressEligibility::kEligible)
      path_mtu = std::min(path_mtu, remote->express_mtu);
  }
  walk.decision.mtu = path_mtu;
  if (walk.traced) walk.detail = fmt::format("{} of {} bytes", walk.packet.mtu_bytes, path_mtu);
  if (walk.packet.mtu_bytes <= path_mtu) return StageResult::kPass;
  if (walk.packet.dont_fragment)
    send_icmp_error(walk, wire::icmp_type::kDestinationUnreachable,
                    wire::icmp_unreachable::kFragmentationNeeded, path_mtu);
  return walk.drop(DropReason::kMtuExceeded);
}

}  // namespace enid::card
