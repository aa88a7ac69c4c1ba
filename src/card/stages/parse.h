// parse: reads a frame's headers into a Packet, and refuses what no honest guest sends.
//
//   Everything behind this stage trusts the Packet and the offload notes. The frame's length is
//   the guest's word only; each header is checked against it. Later fragments get the ports
//   of their datagram's first fragment, so that they are judged like it.
//
// Documented: RFC 791, RFC 8200, RFC 768, RFC 9293, RFC 792; overlapping header fragments RFC 3128.
#pragma once

#include "base/time.h"
#include "card/drop_reason.h"
#include "card/packet.h"
#include "card/ports/frame_port.h"
#include "card/tables/interface.h"

namespace enid::card {

// kNone: `packet` is filled. `remember_fragments` is false for a traced packet.
DropReason parse(const Frame& frame, Interface& from, Instant now, bool remember_fragments, Packet& packet);

}  // namespace enid::card
