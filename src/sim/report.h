// Report: what became of a run, for people and for expectations.
//
//   Times are from a flow's start to its last acknowledgement at the sender, in microseconds, as the field's
//   reference runs measure them; percentiles are by nearest rank; fairness is the least time divided by the
//   greatest; goodput counts payload once. `share` is a sender's mean goodput by that of all flows.
//   `recovery_us` is, for the flow that suffered most, from the first fault after time 0 until its rate over
//   kRecoveryWindow stays above 98 % of what it was before; it needs `slices`. Equal runs make equal texts:
//   no clock of the machine is in it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/simulation.h"

namespace enid::sim {

struct Report {
  std::string text;
  std::vector<std::pair<std::string, double>> metrics;  // "max_us", "srd.max_us", "dctcp.share", "drops", …
  bool passed = true;                                   // Every expectation, and no violation.
};

inline constexpr Picoseconds kRecoveryWindow = 50 * kMicrosecond;

Report make_report(const Simulation& simulation);

}  // namespace enid::sim
