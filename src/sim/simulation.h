// Simulation: one run of one scenario with one seed.
//
// Theory of operation
//   Builds the network, an endpoint of each transport on the hosts that need one, and the flows; then runs in
//   slices of time, so that the owner can show progress or take samples between them. Contexts of SRD are
//   connected during kLeadIn, before the scenario's time 0, unless it says they are cold: cards keep them for
//   a long time, and the cost of the first one is another question than the cost of a transfer.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sim/flow_table.h"
#include "sim/network.h"
#include "sim/scenario.h"
#include "sim/srd_host.h"
#include "sim/tcp_like_host.h"

namespace enid::sim {

class Simulation {
 public:
  static constexpr Picoseconds kLeadIn = 100 * kMicrosecond;

  // Refuses what make_flows() and find_ports() refuse.
  static Result<std::unique_ptr<Simulation>> make(const Scenario& scenario, std::uint64_t seed);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Goes on for `slice`. False: all flows are finished, or the scenario's end has come.
  bool run_for(Picoseconds slice);

  const Scenario& scenario() const { return scenario_; }
  std::uint64_t seed() const { return seed_; }
  // Since the scenario's time 0; negative during the lead-in.
  Picoseconds now() const { return network_.now() - begin_; }
  Picoseconds begin() const { return begin_; }
  const Network& network() const { return network_; }
  const FlowTable& flows() const { return flows_; }
  // Of each host that has some; null for others.
  const std::vector<std::unique_ptr<SrdHost>>& srd_hosts() const { return srd_hosts_; }

 private:
  struct PlannedFault {
    Fault fault;
    std::vector<PortIndex> ports;
  };

  Simulation(const Scenario& scenario, std::uint64_t seed, std::vector<Flow> flows, Random& random);
  Result<void> set_up_links();
  Result<void> plan_faults();
  void balance_paths();
  // A connection between a flow's hosts: its number at the source, and at the target.
  std::pair<std::uint32_t, std::uint32_t> make_srd(const Flow& flow, Random& random);
  void make_tcp_like(std::uint32_t flow);
  srd::Settings srd_settings(Random& random) const;
  void do_work(std::uint32_t number);
  void start_flow(std::uint32_t flow);
  void apply(const PlannedFault& fault);

  Scenario scenario_;
  std::uint64_t seed_;
  Picoseconds begin_;
  Network network_;
  FlowTable flows_;
  std::vector<std::unique_ptr<SrdHost>> srd_hosts_;
  std::vector<std::unique_ptr<TcpLikeHost>> tcp_like_hosts_;
  // Of each flow: the number that its source knows it (TCP-like) or its connection (SRD) by.
  std::vector<std::uint32_t> number_at_source_;
  std::vector<PlannedFault> faults_;
  std::vector<std::uint64_t> healthy_rates_;  // Of ports; percentages of faults are of these.
};

}  // namespace enid::sim
