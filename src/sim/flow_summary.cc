#include "sim/flow_summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace enid::sim {
namespace {

double to_us(Picoseconds time) { return static_cast<double>(time) / static_cast<double>(kMicrosecond); }

// Bytes in picoseconds as Gbit/s.
double to_gbps(std::uint64_t bytes, Picoseconds time) {
  return time <= 0 ? 0 : static_cast<double>(bytes) * 8 * 1000 / static_cast<double>(time);
}

Picoseconds nearest_rank(const std::vector<Picoseconds>& sorted, std::uint64_t percent) {
  const std::uint64_t rank = (sorted.size() * percent + 99) / 100;
  return sorted[std::max<std::uint64_t>(rank, 1) - 1];
}

}  // namespace

FlowSummary summarize(const std::vector<const Flow*>& flows, Picoseconds now) {
  FlowSummary summary;
  summary.flows = flows.size();
  std::vector<Picoseconds> times;
  Picoseconds first = kNever;
  Picoseconds last = 0;
  std::uint64_t bytes = 0;
  bool any = false;
  for (const Flow* flow : flows) {
    const bool finished = flow->finished_at != kNever;
    const Picoseconds until = finished ? flow->finished_at : now;
    if (finished) times.push_back(until - flow->start);
    first = std::min(first, flow->start);
    last = std::max(last, until);
    bytes += flow->bytes_acknowledged;
    const double goodput = to_gbps(flow->bytes_acknowledged, until - flow->start);
    summary.goodput_mean_gbps += goodput / static_cast<double>(flows.size());
    summary.goodput_least_gbps = any ? std::min(summary.goodput_least_gbps, goodput) : goodput;
    any = true;
    summary.retransmissions += flow->retransmissions;
    summary.timeouts += flow->timeouts;
  }
  summary.finished = times.size();
  if (any) summary.goodput_total_gbps = to_gbps(bytes, last - first);
  if (times.empty()) return summary;
  std::ranges::sort(times);
  summary.least_us = to_us(times.front());
  summary.mean_us =
      to_us(std::accumulate(times.begin(), times.end(), Picoseconds{0})) / static_cast<double>(times.size());
  summary.p50_us = to_us(nearest_rank(times, 50));
  summary.p99_us = to_us(nearest_rank(times, 99));
  summary.max_us = to_us(times.back());
  if (summary.finished == summary.flows) summary.fairness = summary.least_us / summary.max_us;
  return summary;
}

Picoseconds recovery_time(const FlowTable& flows, std::uint32_t number, Picoseconds fault,
                          Picoseconds window) {
  const Flow& flow = flows[number];
  const std::vector<std::uint32_t>& slices = flows.slices(number);
  const Picoseconds slice = flows.slice();
  const auto count = static_cast<std::size_t>(std::max<Picoseconds>(window / slice, 1));
  // Before: the second half of the time from its start to the fault, when slow start is over.
  const auto at_fault = static_cast<std::size_t>(fault / slice);
  const auto from = static_cast<std::size_t>((flow.start + (fault - flow.start) / 2) / slice);
  if (flow.start >= fault || at_fault <= from || slices.size() < at_fault) return 0;
  const auto sum = [&](std::size_t begin, std::size_t end) {
    return std::accumulate(slices.begin() + static_cast<std::ptrdiff_t>(begin),
                           slices.begin() + static_cast<std::ptrdiff_t>(end), std::uint64_t{0});
  };
  const double before = static_cast<double>(sum(from, at_fault)) / static_cast<double>(at_fault - from);
  // The end of a flow waits for its last datagrams: what it sends then is not its rate.
  std::size_t full = 0;
  for (std::uint64_t delivered = 0; full < slices.size() && delivered < flow.bytes / 100 * 95; ++full) {
    delivered += slices[full];
  }
  full = full > count ? full - count : 0;
  const std::size_t end = std::min(full, at_fault + static_cast<std::size_t>(kRecoveryWatched / slice));
  std::size_t recovered = at_fault;  // No window that begins here or later is slow.
  for (std::size_t begin = at_fault; begin < end; ++begin) {
    const double rate = static_cast<double>(sum(begin, begin + count)) / static_cast<double>(count);
    if (rate < 0.98 * before) recovered = begin + 1;
  }
  if (recovered == at_fault) return 0;
  return recovered == end ? kNever : static_cast<Picoseconds>(recovered) * slice - fault;
}

}  // namespace enid::sim
