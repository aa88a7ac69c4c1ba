// route: finds who has the destination address.
//
//    The local route of a VPC is more specific than all others. Chosen: the destination MAC of a
//    unicast frame is not asked; a VPC forwards by IP address, also between neighbours in a subnet.
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult route(Walk& walk);

}  // namespace enid::card
