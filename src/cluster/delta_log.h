// DeltaLog: the last deltas of a card's program, for a card that comes back, within bounds.
//
// Invariants
//   (1) What it holds is without gaps and ends at last(). (2) Never more than the bounds: then it forgets the
//   oldest, and a card that needs them needs a snapshot.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "contract/card_program.h"

namespace enid::cluster {

class DeltaLog {
 public:
  struct Bounds {
    std::size_t deltas = 4096;
    std::size_t bytes = std::size_t{16} << 20;
  };
  explicit DeltaLog(Bounds bounds) : bounds_(bounds) {}

  // What follows, follows on this revision; nothing before it can be told again.
  void restart_at(std::uint64_t revision);
  // A delta that does not follow on last() makes it restart there.
  void add(contract::CardDelta delta);
  std::uint64_t last() const { return last_; }
  // Whether a card at this revision can be told all that it lacks.
  bool reaches_back_to(std::uint64_t revision) const {
    return revision <= last_ && last_ - revision <= deltas_.size();
  }
  // The deltas after `revision`, which it reaches back to.
  std::vector<contract::CardDelta> after(std::uint64_t revision) const;

 private:
  struct Kept {
    contract::CardDelta delta;
    std::size_t bytes;
  };
  Bounds bounds_;
  std::deque<Kept> deltas_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
};

// About as many bytes as it takes in memory and on the wire.
std::size_t weight_of(const contract::Entity& entity);

}  // namespace enid::cluster
