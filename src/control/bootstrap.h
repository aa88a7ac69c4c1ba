// What every Region has before anybody made anything: a default VPC with a default subnet in
// each Availability Zone.
//
// Documented: VPC User Guide, "Default VPC components": 172.31.0.0/16, a /20 in each zone.
#pragma once

#include "control/transaction.h"

namespace enid::control {

void make_default_network(Transaction& transaction);

}  // namespace enid::control
