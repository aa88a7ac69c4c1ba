// deliver: the last stage: composes what to do with this and every later packet of the flow.
//
//    Within a subnet the frame keeps the sender's MAC and its time to live, as between neighbours.
//    Between subnets it crosses the VPC's router: the router's MAC, and one hop less to live.
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult deliver(Walk& walk);

}  // namespace enid::card
