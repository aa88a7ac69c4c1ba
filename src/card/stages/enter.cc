#include "card/stages/enter.h"

#include <algorithm>
#include <limits>

namespace enid::card {

StageResult enter(Walk& walk) {
  MacAddress receiver;
  std::copy_n(walk.frame.bytes.begin(), receiver.bytes.size(), receiver.bytes.begin());
  walk.to = walk.card.tables.receiver_of(*walk.from->vpc, receiver);
  if (walk.to == nullptr) return walk.drop(DropReason::kNoInterfaceAtDestination);
  walk.card.tables.resolve(*walk.to);
  walk.decision.mtu = std::numeric_limits<std::uint16_t>::max();
  return StageResult::kPass;
}

}  // namespace enid::card
