// link_local: asks the link-local services whether a packet is theirs.
//
//    The services answer into card_frames; what they take is neither filtered by security groups
//    nor kept in the flow cache. A traced packet only learns whose it would be: a question that is
//    not asked uses up no rate.
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult link_local(Walk& walk);

}  // namespace enid::card
