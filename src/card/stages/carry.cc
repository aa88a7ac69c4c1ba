#include "card/stages/carry.h"

#include "card/express/express_links.h"
#include "card/stages/compose.h"
#include "card/stages/express.h"

namespace enid::card {

namespace {

void describe(Walk& walk) {
  const Interface& to = *walk.to;
  std::string why = sentence_of(walk.decision.express, express_flow(walk));
  if (walk.decision.express == ExpressEligibility::kEligible) {
    const ExpressLinks* const express = walk.card.express;
    const ExpressFallback fallback =
        express == nullptr ? ExpressFallback::kNoCarrier
                           : express->would_fall_back(to.remote->express, walk.packet.mtu_bytes);
    walk.by_srd = fallback == ExpressFallback::kNone;
    why = sentence_of(fallback);
  }
  walk.carrier_reason = why;
  walk.detail = to.id.text() + " on host " + to.remote->program.id.text() + ", " +
                (walk.by_srd ? "SRD" : "Geneve") + " to " + to.remote->program.underlay_address.text() +
                ", VNI " + std::to_string(walk.from->vpc->program.vni) + "; " + why;
}

}  // namespace

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
  // A frame that is sent on goes as it came last: in Geneve, which says that it was sent on.
  if (!walk.from->is_entrance) walk.decision.express = express_eligibility(walk);
  if (composed == StageResult::kPass && walk.traced) describe(walk);
  return composed;
}

}  // namespace enid::card
