// LinkLocalRate: the packets that one interface may send to link-local services.
//
// Theory of operation
//   A bucket of one second's packets that refills steadily. Chosen: the burst; EC2 names only
//   the rate.
//
// Documented: EC2 User Guide, "Amazon EC2 instance network bandwidth", "1024 packets per second
// per network interface" for DNS, IMDS, the time service together.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace enid::card {

class LinkLocalRate {
 public:
  static constexpr std::int64_t kPacketsPerSecond = 1024;

  bool take(Instant now) {
    // Beyond a second the bucket is full anyway; the bound keeps the product small.
    const std::int64_t passed = std::clamp<std::int64_t>(now.nanoseconds - last_.nanoseconds, 0, kPacketCost);
    last_ = std::max(last_, now);
    credit_ = std::min(credit_ + passed * kPacketsPerSecond, kPacketsPerSecond * kPacketCost);
    if (credit_ < kPacketCost) return false;
    credit_ -= kPacketCost;
    return true;
  }

 private:
  // Credit in packets times nanoseconds of a second: no fraction is lost.
  static constexpr std::int64_t kPacketCost = 1'000'000'000;

  Instant last_;
  std::int64_t credit_ = kPacketsPerSecond * kPacketCost;
};

}  // namespace enid::card
