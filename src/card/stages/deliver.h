// deliver: the last stage at the receiver: its port is here and open.
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult deliver(Walk& walk);

}  // namespace enid::card
