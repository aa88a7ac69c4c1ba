// LossDetection: when a datagram that is not acknowledged counts as lost.
//
// Theory of operation
//   Three kinds of evidence, the strongest first.
//     Gap    A path delivers in order. When a later datagram of the same path has arrived, and some slack
//            has passed (network cards with several queues, bonded links), the earlier one is lost.
//     Timer  A datagram that was sent later by another path has arrived, and the datagram is older than
//            its path's round trip with a margin.
//     Tail   Nothing sent later has arrived: it may be the last of a burst. After twice the connection's
//            round trip: a copy costs little, and its path may be slower than all others.
//   When nothing at all is acknowledged for the retransmission timeout, everything counts as lost, the
//   window shrinks to one datagram, and the timeout doubles each time. That is Connection's affair; here
//   is only how long.
//
//   Documented: RFC 8985 (RACK-TLP), of which this is the form for many paths.
#pragma once

#include "base/time.h"
#include "srd/congestion_control.h"
#include "srd/flight_table.h"
#include "srd/path_set.h"
#include "srd/settings.h"

namespace enid::srd {

class LossDetection {
 public:
  enum class Cause : std::uint8_t { kNone, kGap, kTimer, kTail };
  struct Verdict {
    Cause cause = Cause::kNone;
    Instant judge_again_at{};  // With kNone.
  };

  explicit LossDetection(const Settings& settings);

  // A datagram that was sent at `sent_at` has arrived.
  void on_acknowledged(Instant sent_at) { newest_acked_ = std::max(newest_acked_, sent_at); }
  Verdict judge(Instant now, const Flight& flight, const PathSlot& path,
                const CongestionControl& congestion) const;
  // No datagram that was sent after this can be judged lost by gap or timer.
  Instant newest_acked() const { return newest_acked_; }

  Duration retransmission_timeout(const CongestionControl& congestion, std::uint32_t backoff) const;
  void start_over() { newest_acked_ = {}; }

 private:
  Duration acknowledge_delay_;
  Duration rto_min_;
  Duration rto_max_;
  Instant newest_acked_{};
};

}  // namespace enid::srd
