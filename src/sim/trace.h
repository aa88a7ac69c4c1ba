// A sample of a run as CSV, for plots: every queue that is not empty, every connection of SRD that is busy.
#pragma once

#include <string>
#include <string_view>

#include "sim/simulation.h"

namespace enid::sim {

inline constexpr std::string_view kTraceHeader =
    "time_us,kind,name,queue_bytes,marks,drops,window_bytes,in_flight_bytes,pacing_mbps,least_rtt_ns,"
    "smoothed_rtt_ns,"
    "queue_delay_ns,slots_alive,retransmissions,window_cuts\n";

std::string trace_rows(const Simulation& simulation);

}  // namespace enid::sim
