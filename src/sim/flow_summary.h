// FlowSummary: completion times and goodput of some flows, as a report shows them.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/flow_table.h"
#include "sim/sim_time.h"

namespace enid::sim {

struct FlowSummary {
  std::uint64_t flows = 0;
  std::uint64_t finished = 0;
  // Of finished flows, in microseconds.
  double least_us = 0;
  double mean_us = 0;
  double p50_us = 0;
  double p99_us = 0;
  double max_us = 0;
  double fairness = 0;  // least / max; 0 when a flow is not finished.
  // Of all flows: bytes acknowledged until it finished, or until now.
  double goodput_mean_gbps = 0;
  double goodput_least_gbps = 0;
  double goodput_total_gbps = 0;  // All bytes by the time from the first start to the last finish.
  std::uint64_t retransmissions = 0;
  std::uint64_t timeouts = 0;
};

// `now` as flows count it: since the run began.
FlowSummary summarize(const std::vector<const Flow*>& flows, Picoseconds now);

// From the fault until this flow's rate stays back, by its slices: no later window within kRecoveryWatched is
// below 98 % of what it was before the fault, until 95 % of its bytes have arrived. 0: it never fell. kNever:
// it did not come back.
inline constexpr Picoseconds kRecoveryWatched = 2 * kMillisecond;
Picoseconds recovery_time(const FlowTable& flows, std::uint32_t flow, Picoseconds fault, Picoseconds window);

}  // namespace enid::sim
