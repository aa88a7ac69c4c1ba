#include "card/stages/compose.h"

#include <algorithm>

#include "card/stages/icmp_error.h"
#include "wire/icmp.h"

namespace enid::card {

StageResult compose(Walk& walk) {
  const Interface& from = *walk.from;
  const Interface& to = *walk.to;
  FlowDecision& decision = walk.decision;
  decision.target = to.handle;
  if (from.is_entrance) {
    std::copy_n(walk.frame.bytes.begin(), decision.macs.size(), decision.macs.begin());
    return StageResult::kPass;
  }
  decision.decrement_time_to_live = from.program.subnet != to.program.subnet;
  if (decision.decrement_time_to_live && walk.packet.time_to_live <= 1) {
    send_icmp_error(walk, wire::icmp_type::kTimeExceeded, 0, 0);
    return walk.drop(DropReason::kTimeToLiveExceeded);
  }
  const MacAddress& source = decision.decrement_time_to_live ? kRouterMac : from.program.mac;
  std::ranges::copy(to.program.mac.bytes, decision.macs.begin());
  std::ranges::copy(source.bytes, decision.macs.begin() + 6);
  return StageResult::kPass;
}

}  // namespace enid::card
