// Endpoint: one transport on one host, as its network card sees it.
//
//   The card asks for the next packet when it has room (poll_transmit), hands over what arrived (on_packet),
//   and wakes the endpoint when it asked to be woken (next_wake, on_wake). An endpoint never calls out: after
//   each of its calls the host asks again.
#pragma once

#include "sim/packet_pool.h"
#include "sim/sim_time.h"

namespace enid::sim {

class Endpoint {
 public:
  Endpoint() = default;
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  virtual ~Endpoint() = default;

  // Fills in all but `source`; false when nothing may go now.
  virtual bool poll_transmit(Picoseconds now, Packet& out) = 0;
  virtual void on_packet(Picoseconds now, const Packet& packet) = 0;
  // kNever: only an arrival can change anything.
  virtual Picoseconds next_wake() const = 0;
  virtual void on_wake(Picoseconds now) = 0;
};

}  // namespace enid::sim
