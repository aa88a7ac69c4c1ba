// NapLength: how long the card's worker sleeps between two looks at polled ports, whose guests can wake
// nobody.
//
// Theory of operation
//   A share of the silence so far, so that a packet waits little more than its sender let others wait, within
//   bounds. The least is a multiple of what a nap costs this machine's processor, so that naps never take
//   more than a fifth of it from the guests: on bare metal a few microseconds, under a hypervisor that hands
//   every timer to its host some tens. Observed, with a guest under emulation on two such processors: naps of
//   50 us cost the card 40 % of one, and the guest's incoming TCP a fifth of its rate. The most costs an idle
//   guest's device less than a hundredth of a processor.
//
// Units: processor time is the thread's own (CLOCK_THREAD_CPUTIME_ID).
#pragma once

#include <algorithm>

#include "base/time.h"

namespace enid::host {

class NapLength {
 public:
  static constexpr std::int64_t kSilencePerNap = 1'000;
  static constexpr std::int64_t kTimesItsCost = 4;
  // Chosen: about what waking a thread takes, and as long as a guest's packet may wait in the middle of
  // traffic.
  static constexpr Duration kLeast = Duration::from_microseconds(50);
  static constexpr Duration kMostInTraffic = Duration::from_microseconds(200);
  static constexpr Duration kMost = Duration::from_milliseconds(10);

  // What a nap took of the processor.
  void note_cost(Duration processor_time) {
    // One that was interrupted for long says nothing about naps.
    const Duration bounded = std::min(processor_time, kMostInTraffic);
    cost_.nanoseconds += (bounded.nanoseconds - cost_.nanoseconds) / 16;
  }
  Duration after(Duration silence) const {
    const Duration least = std::clamp(cost_ * kTimesItsCost, kLeast, kMostInTraffic);
    return std::clamp(Duration::from_nanoseconds(silence.nanoseconds / kSilencePerNap), least, kMost);
  }

 private:
  Duration cost_;
};

}  // namespace enid::host
