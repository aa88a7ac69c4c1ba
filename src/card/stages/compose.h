// compose: what becomes of this and every later packet of the flow: MACs and time to live.
//
//    Within a subnet the frame keeps the sender's MAC and its time to live, as between neighbours.
//    Between subnets it crosses the VPC's router: the router's MAC, and one hop less to live. A frame from
//    another host has been composed there.
#pragma once

#include "card/walk.h"

namespace enid::card {

// Fills the decision; kDrop when the time to live ends at the router.
StageResult compose(Walk& walk);

}  // namespace enid::card
