// The Amazon Time Sync Service's place: SNTP answers from the host's clock.
//
// Documented: RFC 4330 section 5 (what a server fills in); EC2 User Guide, "Amazon Time Sync
// Service": 169.254.169.123. Observed: it presents itself at stratum 3 with a reference of
// 169.254.169.122. Chosen: precision of a millisecond, which is what WallTime has.
#pragma once

#include "base/time.h"
#include "card/services/service_frames.h"
#include "card/services/service_packet.h"
#include "card/services/service_verdict.h"

namespace enid::card {

// `packet` must be UDP to port 123.
ServiceVerdict answer_time(WallTime now, const ServicePacket& packet, const ReturnPath& back,
                           ServiceFrames& out);

}  // namespace enid::card
