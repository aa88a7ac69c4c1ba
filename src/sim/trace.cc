#include "sim/trace.h"

#include <fmt/format.h>

#include <iterator>

namespace enid::sim {

std::string trace_rows(const Simulation& simulation) {
  const double now_us = static_cast<double>(simulation.now()) / static_cast<double>(kMicrosecond);
  const Network& network = simulation.network();
  std::string rows;
  auto out = std::back_inserter(rows);
  for (PortIndex i = 0; i < network.topology().ports(); ++i) {
    const OutputPort& port = network.port(i);
    const std::uint64_t queue = port.backlog_bytes(network.now());
    if (queue == 0) continue;
    fmt::format_to(out, "{:.3f},queue,{},{},{},{},,,,,,,,,\n", now_us, network.topology().name(i), queue,
                   port.counters().marks, port.counters().full_drops);
  }
  for (std::uint32_t host = 0; host < simulation.srd_hosts().size(); ++host) {
    if (simulation.srd_hosts()[host] == nullptr) continue;
    for (const auto& [peer, connection] : simulation.srd_hosts()[host]->connections()) {
      if (connection->is_idle()) continue;
      const srd::Measurements m = connection->measurements();
      fmt::format_to(out, "{:.3f},srd,host{}->host{},,,,{},{},{},{},{},{},{},{},{}\n", now_us, host, peer,
                     m.window_bytes, m.in_flight_bytes, m.pacing_bits_per_second / 1'000'000,
                     m.least_rtt.nanoseconds, m.smoothed_rtt.nanoseconds, m.median_queue_delay.nanoseconds,
                     m.slots_alive, connection->counters().retransmissions,
                     connection->counters().window_cuts);
    }
  }
  return rows;
}

}  // namespace enid::sim
