// The ICMP errors that the card sends as the VPC's router, to the sender of a packet that it drops.
#pragma once

#include "card/walk.h"

namespace enid::card {

// Sends nothing when traced, when no error may be sent about the packet, or when the sender's
// security groups would not let the error in.
void send_icmp_error(Walk& walk, std::uint8_t type, std::uint8_t code, std::uint16_t next_hop_mtu);

}  // namespace enid::card
