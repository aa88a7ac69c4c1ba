#include "srd/loss_detection.h"

#include <algorithm>

namespace enid::srd {

LossDetection::LossDetection(const Settings& settings)
    : acknowledge_delay_(settings.acknowledge_delay),
      rto_min_(settings.rto_min),
      rto_max_(settings.rto_max) {}

LossDetection::Verdict LossDetection::judge(Instant now, const Flight& flight, const PathSlot& path,
                                            const CongestionControl& congestion) const {
  const Duration rtt = congestion.smoothed_rtt();
  const bool later_arrived = flight.sent_at < newest_acked_;
  if (later_arrived && path.acked_sent_at > flight.sent_at &&
      path_sequence_distance(flight.path_sequence, path.acked_sequence) > 0) {
    const Instant lost_at = path.acked_at + Duration{rtt.nanoseconds / 4};
    if (now >= lost_at || path_sequence_distance(flight.path_sequence, path.acked_sequence) >= 3)
      return {Cause::kGap, {}};
  }
  // Behind the last of a burst nothing waits its turn, so a path that is known to be slow gets no more time.
  const Duration expected{later_arrived ? std::max<std::int64_t>(path.smoothed_rtt, rtt.nanoseconds)
                                        : rtt.nanoseconds};
  const Duration margin{std::max(expected.nanoseconds / 4, 4 * congestion.rtt_variation().nanoseconds)};
  const Duration allowed =
      later_arrived ? expected + margin + acknowledge_delay_ : expected * 2 + margin + acknowledge_delay_;
  const Instant lost_at = flight.sent_at + allowed;
  if (now >= lost_at) return {later_arrived ? Cause::kTimer : Cause::kTail, {}};
  return {Cause::kNone, lost_at};
}

Duration LossDetection::retransmission_timeout(const CongestionControl& congestion,
                                               std::uint32_t backoff) const {
  const Duration base = std::max(congestion.smoothed_rtt() * 4, rto_min_);
  // Twice at the same distance, then doubling.
  const std::uint32_t doublings = std::min<std::uint32_t>(backoff < 2 ? 0 : backoff - 1, 20);
  return std::min(base * (std::int64_t{1} << doublings), rto_max_);
}

}  // namespace enid::srd
