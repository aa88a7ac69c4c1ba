// RefusalList: messages that arrived and that their destination did not take, until the sender knows.
//
// Theory of operation
//   A refused PSN does not count as arrived, so it stays unacknowledged. Every acknowledgement names one of
//   the list; the sender then ends the message and sends a void datagram for the PSN, which takes it off
//   the list. Copies of the payload that arrive meanwhile are refused again without asking, so that what
//   the sender was told stays true.
//
//   Bound: kRefusals. When the list is full, a refused message is as if it had never arrived: the sender
//   sends it once more, and the destination is asked again.
#pragma once

#include <array>
#include <cstdint>

namespace enid::srd {

class RefusalList {
 public:
  static constexpr std::uint32_t kRefusals = 16;

  struct Refusal {
    std::uint32_t psn = 0;
    std::uint8_t reason = 0;
  };

  bool empty() const { return size_ == 0; }
  // False: the list is full.
  bool add(std::uint32_t psn, std::uint8_t reason) {
    if (size_ == kRefusals) return false;
    refusals_[size_++] = {psn, reason};
    return true;
  }
  bool contains(std::uint32_t psn) const {
    for (std::uint32_t i = 0; i < size_; ++i) {
      if (refusals_[i].psn == psn) return true;
    }
    return false;
  }
  void remove(std::uint32_t psn) {
    for (std::uint32_t i = 0; i < size_; ++i) {
      if (refusals_[i].psn == psn) refusals_[i--] = refusals_[--size_];
    }
  }
  // The one that is told next, in turns. Not empty.
  const Refusal& next() { return refusals_[turn_++ % size_]; }

 private:
  std::array<Refusal, kRefusals> refusals_{};
  std::uint32_t size_ = 0;
  std::uint32_t turn_ = 0;
};

}  // namespace enid::srd
