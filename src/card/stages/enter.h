// enter: the first stage of a frame from another host: whose it is.
//
//   The sender's card has checked the source, its groups, the route and the MTU. The frame's destination MAC
//   names the receiver; what the receiver's groups say is for its own host to decide.
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult enter(Walk& walk);

}  // namespace enid::card
