// Network: hosts, switches and links, and the clock that runs them.
//
// Theory of operation
//   run_until() takes events one by one. A port's event is the arrival of its oldest packet at the link's
//   other end: a switch puts it into the next port at once (a switch takes no time of its own; its latency is
//   part of the link's), a host gives it to the endpoint of its transport. A host's event wakes its endpoints
//   and lets its card ask for packets while fewer than `card_queue_bytes` wait in its port; endpoints take
//   turns.
//
//   Switches choose among equal ways up by a hash of the two hosts, the UDP source port and a seed of the
//   switch's own. A link that was cut stays in that choice until `withdraw_after` has passed: then routing
//   has noticed, and no switch sends that way any more what would need the link. That is how real fabrics
//   behave, two to three orders of magnitude slower than a transport can.
//
// Invariants
//   1. Same seed, same calls: same events in the same order. Nothing depends on addresses or on hash tables'
//   order.
//   2. The simulated clock never goes back.
//   3. A packet is in one port or given back to the pool.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/random.h"
#include "sim/clos_topology.h"
#include "sim/endpoint.h"
#include "sim/event_queue.h"
#include "sim/output_port.h"
#include "sim/packet_pool.h"
#include "sim/sim_time.h"

namespace enid::sim {

struct NetworkSettings {
  ClosShape shape;
  std::uint64_t seed = 1;
  PortSettings port;                      // Each port's, until a scenario says otherwise.
  std::uint32_t card_queue_bytes = 8300;  // Two packets: what a card keeps busy with.
  Picoseconds withdraw_after = kNever;
};

class Network {
 public:
  static constexpr std::size_t kEndpointsMax = 2;  // A host's, one for each Transport.

  explicit Network(const NetworkSettings& settings);

  const ClosTopology& topology() const { return topology_; }
  Picoseconds now() const { return now_; }
  std::uint64_t events() const { return events_; }
  Random& random() { return random_; }

  // Not owned. Before the run.
  void set_endpoint(std::uint32_t host, Transport transport, Endpoint* endpoint);
  OutputPort& port(PortIndex index) { return ports_[index]; }
  const OutputPort& port(PortIndex index) const { return ports_[index]; }

  // Each at now().
  void set_rate(PortIndex port, std::uint64_t bits_per_second);
  void cut(PortIndex port);
  void repair(PortIndex port);
  // An endpoint of this host has something new to do.
  void kick(std::uint32_t host) { serve(host); }
  // `work` is called with its number at `when`, in the order of (when, number).
  void at(Picoseconds when, std::uint32_t number) { events_queue_.push({when, 0, kWorkBase + number}); }
  void on_work(std::function<void(std::uint32_t)> work) { work_ = std::move(work); }

  // Until the clock reads `end`, or nothing is left to happen.
  void run_until(Picoseconds end);
  bool is_quiet() const { return events_queue_.empty(); }
  std::size_t packets_max() const { return pool_.packets_max(); }

  // The ports that a packet of this 4-tuple crosses now, from the host on.
  std::vector<PortIndex> path_of(std::uint32_t source, std::uint32_t target, std::uint16_t source_port) const;

 private:
  // Targets of events: ports below, then hosts, then the owner's work.
  static constexpr std::uint32_t kHostBase = 1U << 24;
  static constexpr std::uint32_t kWorkBase = 1U << 28;

  struct Host {
    std::array<Endpoint*, kEndpointsMax> endpoints{};
    Picoseconds wake_at = kNever;
    std::uint8_t turn = 0;
  };
  struct Withdrawal {
    PortIndex port;
    Picoseconds when;
  };

  void push(Picoseconds time, std::uint32_t target);
  void arrive(PortIndex index);
  void enqueue(PortIndex index, PacketIndex packet);
  void renew_arrival(PortIndex index, Picoseconds before);
  void serve(std::uint32_t host);
  void wake_host_at(std::uint32_t host, Picoseconds when);
  bool fill_card(std::uint32_t host);
  PortIndex choose(NodeIndex node, std::uint32_t source, std::uint32_t target,
                   std::uint16_t source_port) const;
  bool leads_on(PortIndex port, std::uint32_t target) const;
  bool is_withdrawn(PortIndex port) const;

  ClosTopology topology_;
  NetworkSettings settings_;
  Random random_;
  Picoseconds now_ = 0;
  std::uint64_t events_ = 0;
  EventQueue events_queue_;
  PacketPool pool_;
  std::vector<OutputPort> ports_;
  std::vector<NodeIndex> peers_;  // Of ports.
  std::vector<Host> hosts_;
  std::vector<Withdrawal> withdrawals_;  // Links that are cut; few.
  std::function<void(std::uint32_t)> work_;
};

}  // namespace enid::sim
