// Whether ENA Express may carry a packet between hosts: what the stages know, for express/eligibility.h.
#pragma once

#include "card/express/eligibility.h"
#include "card/walk.h"

namespace enid::card {

// The receiver is known.
inline ExpressFlow express_flow(const Walk& walk) {
  return {.from = walk.from->program,
          .to = walk.to->program,
          .protocol = walk.packet.protocol(),
          .same_host = !walk.to->is_elsewhere,
          .across_zones = walk.card.express_across_zones};
}

inline ExpressEligibility express_eligibility(const Walk& walk) { return eligibility_of(express_flow(walk)); }

}  // namespace enid::card
