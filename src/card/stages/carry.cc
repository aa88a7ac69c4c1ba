#include "card/stages/carry.h"

#include "card/stages/compose.h"

namespace enid::card {

StageResult carry(Walk& walk) {
  Interface& to = *walk.to;
  walk.card.tables.resolve(to);
  if (walk.from->is_entrance) {
    // The sender's card does not know yet that the interface has moved; it is told.
    if (walk.is_forwarded) return walk.drop(DropReason::kNotHere);
    walk.packet.cacheable = false;
  }
  if (to.remote == nullptr || walk.from->vpc == nullptr || walk.from->vpc->program.vni == 0) {
    if (walk.traced) walk.detail = "no way to host " + to.program.host.text();
    return walk.drop(DropReason::kHostUnknown);
  }
  const StageResult composed = compose(walk);
  if (composed == StageResult::kPass && walk.traced)
    walk.detail = to.id.text() + " on host " + to.remote->program.id.text() + ", Geneve to " +
                  to.remote->program.underlay_address.text() + ", VNI " +
                  std::to_string(walk.from->vpc->program.vni);
  return composed;
}

}  // namespace enid::card
