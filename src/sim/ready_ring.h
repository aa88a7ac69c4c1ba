// ReadyRing: whose turn it is, among those that may have something to send.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace enid::sim {

class ReadyRing {
 public:
  bool empty() const { return turns_.empty(); }
  std::uint32_t front() const { return turns_.front(); }

  // Behind all others, unless it waits already.
  void add(std::uint32_t number) {
    if (number >= waits_.size()) waits_.resize(number + 1, false);
    if (waits_[number]) return;
    waits_[number] = true;
    turns_.push_back(number);
  }
  // It had its turn and wants another.
  void rotate() {
    turns_.push_back(turns_.front());
    turns_.pop_front();
  }
  // It has nothing now.
  void remove_front() {
    waits_[turns_.front()] = false;
    turns_.pop_front();
  }

 private:
  std::deque<std::uint32_t> turns_;
  std::vector<bool> waits_;
};

}  // namespace enid::sim
