// FlowLimits: what a single flow may send: EC2's 5 Gbit/s, and 25 with ENA Express.
//
// Theory of operation
//   A token bucket for each direction of each flow, in a table of its own behind the flow cache's hash, so
//   that a card without limits pays nothing. It is a cache as that one is: a bucket that was overwritten
//   begins full.
//
//   Documented: EC2 User Guide, "Amazon EC2 instance network bandwidth": 5 Gbit/s for a flow outside a
//   cluster placement group; "Improve network performance with ENA Express": up to 25 Gbit/s. Chosen: a
//   bucket of kBurst, which lets two super-frames pass at once at 5 Gbit/s; what exceeds it is dropped (EC2
//   says neither). The 10 Gbit/s within a cluster placement group are not made here: a card does not know
//   placement groups.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"
#include "flow/flow_table.h"

namespace enid::card {

class FlowLimits {
 public:
  static constexpr std::int64_t kPlainBitsPerSecond = 5'000'000'000;
  static constexpr std::int64_t kExpressBitsPerSecond = 25'000'000'000;
  static constexpr Duration kBurst = Duration::from_microseconds(250);

  FlowLimits(std::size_t flows_max, std::uint64_t seed) : buckets_(flows_max, seed) {}

  // False: these bytes are too many now.
  bool admit(const flow::FlowKey& key, std::int64_t bits_per_second, std::uint32_t bytes, Instant now) {
    const std::uint64_t hash = buckets_.hash(key);
    auto* const known = buckets_.find(key, hash);
    Bucket& bucket = known != nullptr ? known->value : buckets_.insert(key, hash);
    // The time at which all that was admitted is sent at the limit; it may lie kBurst ahead.
    bucket.busy_until = std::max(bucket.busy_until, now);
    if (bucket.busy_until - now > kBurst) return false;
    const auto bits = static_cast<std::int64_t>(bytes) * 8;
    bucket.busy_until =
        bucket.busy_until + Duration::from_nanoseconds(bits * 1'000'000'000 / bits_per_second);
    return true;
  }

 private:
  struct Bucket {
    Instant busy_until;
  };
  flow::FlowTable<Bucket> buckets_;
};

}  // namespace enid::card
