// carry: the last stage at the sender when the receiver is on another host: the tunnel to its card.
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult carry(Walk& walk);

}  // namespace enid::card
