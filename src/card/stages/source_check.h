// source_check: anti-spoofing: the source must be an address of the interface.
//
//    Documented: EC2 User Guide, "Elastic network interfaces", source/destination checking: on by default,
//    turned off for instances that forward packets of others (NAT, firewalls).
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult source_check(Walk& walk);

}  // namespace enid::card
