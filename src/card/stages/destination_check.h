// destination_check: the destination must be an address of the receiver.
//
//    The counterpart of source_check, turned off by the same attribute. The local route finds the
//    receiver by its address and always passes; a route that names an interface need not.
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult destination_check(Walk& walk);

}  // namespace enid::card
