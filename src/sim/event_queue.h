// EventQueue: what happens next.
//
// Theory of operation
//   A heap with four children a node (half as deep as with two, and the four lie in one cache line) of
//   16-byte events. An event names a target, never a function or an address: a port whose oldest
//   packet arrives, a host that wants to be woken. The owner decides what that means.
//
//   Nothing is ever removed from the middle. Whoever changes their mind pushes another event and remembers
//   which time is the true one; the other is ignored when it comes.
//
// Invariants
//   1. Events leave in the order of (time, tie, target), whatever order they were pushed in.
//   2. `tie` decides between events of one picosecond. It is a hash of seed, time and target (tie_of),
//   because hosts in
//      lockstep meet in the same picosecond all the time, and a switch that always served the lower
//      number first would be unfair as no real one is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/sim_time.h"

namespace enid::sim {

struct Event {
  Picoseconds time = 0;
  std::uint32_t tie = 0;
  std::uint32_t target = 0;

  bool before(const Event& other) const {
    if (time != other.time) return time < other.time;
    return tie != other.tie ? tie < other.tie : target < other.target;
  }
};

std::uint32_t tie_of(std::uint64_t seed, Picoseconds time, std::uint32_t target);

class EventQueue {
 public:
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  const Event& top() const { return heap_.front(); }

  void push(const Event& event);
  void pop();
  // pop() and push() in one walk: what a busy port does for each packet.
  void replace_top(const Event& event) { sink(0, event); }

 private:
  void sink(std::size_t hole, const Event& event);

  std::vector<Event> heap_;
};

}  // namespace enid::sim
