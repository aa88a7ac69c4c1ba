// mtu: packets longer than the path's MTU go no further.
//
//    Documented: EC2 User Guide, "Network MTU": 9001 within a VPC; a packet with DF that is too long is
//    dropped and its sender gets ICMP type 3 code 4 with the MTU (RFC 1191). That message passes the
//    sender's security groups like any other: without a tracked connection it needs a rule.
//    Chosen: without DF the packet is dropped, too; the card makes no fragments. Where the network between
//    hosts is too narrow for ENA Express's 8900 bytes, the path MTU of a TCP flow that it may carry is what
//    SRD has room for, which is 32 bytes less than Geneve has: otherwise no full segment would ever go by
//    SRD.
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult mtu(Walk& walk);

}  // namespace enid::card
