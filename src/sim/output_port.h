// OutputPort: one direction of a link, with the queue in front of it.
//
// Theory of operation
//   First in, first out, at a known rate: so a packet's departure is known when it enters, and its arrival
//   at the other end is its departure plus the link's latency. The port keeps its packets, waiting
//   ones and those on the wire, in one list, and only the oldest one's arrival is an event. That makes one
//   event per packet and hop, and an event queue as long as the number of busy ports.
//
//   The backlog is the time until the port is free; limits and thresholds are kept as such times, too, and
//   computed anew when the rate changes. A change of rate gives every packet that has not left a new
//   departure. A cut loses all that waits and all that is on the wire.
//
//   A packet that finds the queue full is dropped at its tail. One that can carry a mark gets it with
//   a probability that rises linearly from 0 at `ecn_min_bytes` to 1 at `ecn_max_bytes` of backlog, on entry,
//   by the length of the queue now and not by an average: as DCTCP asks of commodity switches.
//
// Invariants
//   1. Departures in the list rise strictly. 2. No packet is kept past its arrival.
//   3. The backlog never exceeds the limit by more than one packet.
#pragma once

#include <cstdint>

#include "base/random.h"
#include "sim/packet_pool.h"
#include "sim/sim_time.h"

namespace enid::sim {

struct PortSettings {
  std::uint64_t bits_per_second = 100'000'000'000;
  Picoseconds latency = kMicrosecond;
  // The defaults are those of the field's reference runs without trimming: 5 times the
  // bandwidth-delay product of a 3-tier fabric with 1 us links, marks from 0.2 to 0.8 of it.
  std::uint32_t queue_bytes = 875'000;
  std::uint32_t ecn_min_bytes = 35'000;
  std::uint32_t ecn_max_bytes = 140'000;
};

struct PortCounters {
  std::uint64_t packets = 0;        // Accepted.
  std::uint64_t bytes = 0;          // Accepted, on the wire.
  std::uint64_t full_drops = 0;     // The queue was full.
  std::uint64_t random_losses = 0;  // A gray link's.
  std::uint64_t cut_losses = 0;     // In the queue or on the wire at a cut, or sent into a cut link.
  std::uint64_t marks = 0;
  std::uint64_t queue_bytes_max = 0;
};

class alignas(64) OutputPort {
 public:
  void set_up(const PortSettings& settings);

  // False: dropped, and the packet is the caller's to give back. Afterwards next_arrival() may have changed.
  bool accept(Picoseconds now, PacketIndex index, PacketPool& pool, Random& random);
  // When the oldest packet reaches the other end; kNever when there is none.
  Picoseconds next_arrival() const { return next_arrival_; }
  // At next_arrival(): takes the oldest packet off the link.
  PacketIndex take_arrival(const PacketPool& pool);

  void set_rate(Picoseconds now, std::uint64_t bits_per_second, PacketPool& pool);
  void set_loss(double probability);
  void cut(PacketPool& pool);
  void repair(Picoseconds now);
  bool is_cut() const { return cut_; }

  Picoseconds backlog(Picoseconds now) const { return free_at_ > now ? free_at_ - now : 0; }
  std::uint64_t backlog_bytes(Picoseconds now) const { return bytes_in(backlog(now)); }
  // When no more than `bytes` wait.
  Picoseconds time_of_backlog(std::uint32_t bytes) const { return free_at_ - time_of(bytes); }
  const PortCounters& counters() const { return counters_; }
  const PortSettings& settings() const { return settings_; }

 private:
  // Fixed point, so that a byte's time is exact enough at every rate: 1/1024 picoseconds.
  static constexpr int kFraction = 10;

  Picoseconds time_of(std::uint64_t bytes) const {
    return static_cast<Picoseconds>((bytes * byte_time_) >> kFraction);
  }
  std::uint64_t bytes_in(Picoseconds time) const {
    return (static_cast<std::uint64_t>(time) << kFraction) / byte_time_;
  }
  void compute_times();
  bool takes_mark(Picoseconds backlog, Random& random) const;

  // One cache line for what every packet needs, and counters behind it.
  Picoseconds next_arrival_ = kNever;
  Picoseconds free_at_ = 0;
  Picoseconds latency_ = 0;
  PacketIndex oldest_ = kNoPacket;
  PacketIndex newest_ = kNoPacket;
  std::uint64_t byte_time_ = 1;
  Picoseconds limit_ = 0;
  Picoseconds ecn_min_ = 0;
  Picoseconds backlog_max_ = 0;
  std::uint64_t loss_threshold_ = 0;  // Of 2^64.
  PortCounters counters_;
  Picoseconds ecn_max_ = 0;
  bool cut_ = false;
  PortSettings settings_;
};

}  // namespace enid::sim
