#include "srd/congestion_control.h"

#include <algorithm>

namespace enid::srd {
namespace {

constexpr std::uint64_t kLeastWindowInverse = 1000;  // A datagram in so many round trips.
constexpr Duration kLeastRoundTrip =
    Duration::from_nanoseconds(500);  // A clock that stands still shows less.
constexpr std::uint32_t kAllMarked = 1024;
constexpr std::uint32_t kMarksToYield = 96;  // About a tenth: what DCTCP keeps a full link at.
constexpr std::uint32_t kGrowthPerMark = 6;
constexpr std::uint32_t kMarksAveraged = 64;                       // Acknowledgements.
constexpr Duration kMostTarget = Duration::from_milliseconds(20);  // However slow the network is.
constexpr std::int64_t kFarAboveTarget = 2;  // Times the target: the delivery clamp acts.

}  // namespace

CongestionControl::CongestionControl(const Settings& settings)
    : link_(std::max<std::uint64_t>(settings.link_bits_per_second, 1'000'000)),
      least_target_(std::max(settings.target_delay, Duration{1})),
      target_(least_target_),
      target_bits_(std::uint64_t{settings.target_messages} * settings.payload_bytes_max * 8),
      ecn_(settings.ecn),
      datagram_bytes_(std::max<std::uint32_t>(settings.payload_bytes_max, 64)),
      least_rtt_(std::max(settings.base_rtt, kLeastRoundTrip)),
      smoothed_rtt_(least_rtt_),
      rtt_variation_{least_rtt_.nanoseconds / 8} {
  set_window(bytes_in(link_, least_rtt_ + target_));
}

std::uint64_t CongestionControl::bytes_in(std::uint64_t bits_per_second, Duration time) const {
  return bits_per_second / 1000 * static_cast<std::uint64_t>(time.nanoseconds) / 8'000'000;
}

void CongestionControl::set_window(std::uint64_t window) {
  // Half a target more than is aimed at: stragglers that wait on a long path should not hold back the others.
  const Duration whole{least_rtt_.nanoseconds + target_.nanoseconds * 3 / 2};
  std::uint64_t most = bytes_in(link_, whole);
  if (share_ != 0) most = std::min(most, bytes_in(share_, whole));
  window_ = std::clamp(window, least_window(), std::max(most, least_window()));
  // The window in the time of a round trip without queues: smooth, and never what limits. With less than
  // two datagrams there are no acknowledgements between them to wait for, so the real round trip counts.
  const Duration rtt = window_ < 2 * datagram_bytes_ ? std::max(least_rtt_, smoothed_rtt_) : least_rtt_;
  rate_ = std::min(link_ + link_ / 32, window_ * 8'000'000'000 / static_cast<std::uint64_t>(rtt.nanoseconds));
  if (share_ != 0) rate_ = std::min(rate_, share_);
  const auto least_rtt = static_cast<std::uint64_t>(least_rtt_.nanoseconds);
  rate_ = std::max(rate_, std::uint64_t{datagram_bytes_} * 8'000'000 / least_rtt + 1000);
  nanoseconds_per_byte_q16_ = (8'000'000'000ULL << 16) / rate_;
}

std::uint64_t CongestionControl::least_window() const { return datagram_bytes_ / kLeastWindowInverse + 1; }

void CongestionControl::set_share(Instant now, std::uint64_t bits_per_second) {
  if (bits_per_second == share_) return;
  share_ = bits_per_second;
  const std::uint64_t before = window_;
  set_window(window_);
  if (window_ < before) last_cut_ = now;
}

void CongestionControl::on_rtt(Instant, Duration rtt) {
  rtt = std::max(rtt, kLeastRoundTrip);
  if (!rtt_known_) {
    rtt_known_ = true;
    least_rtt_ = smoothed_rtt_ = rtt;
    rtt_variation_ = {rtt.nanoseconds / 4};
    return;
  }
  least_rtt_ = std::min(least_rtt_, rtt);
  const std::int64_t error = rtt.nanoseconds - smoothed_rtt_.nanoseconds;
  smoothed_rtt_.nanoseconds += error / 8;
  rtt_variation_.nanoseconds += ((error < 0 ? -error : error) - rtt_variation_.nanoseconds) / 4;
}

void CongestionControl::note_delay(Duration delay) {
  delays_[next_delay_++ % kDelays] = delay.nanoseconds;
  delays_known_ = std::min<std::uint32_t>(delays_known_ + 1, kDelays);
  std::array<std::int64_t, kDelays> sorted{};
  for (std::uint32_t i = 0; i < delays_known_; ++i) {
    std::uint32_t at = i;
    for (; at > 0 && sorted[at - 1] > delays_[i]; --at) sorted[at] = sorted[at - 1];
    sorted[at] = delays_[i];
  }
  median_ = {sorted[(delays_known_ - 1) / 2]};
}

void CongestionControl::on_acknowledgement(Instant now, const CongestionFeedback& feedback) {
  if (feedback.arrivals != 0) note_delay(feedback.queue_delay);
  delivered_in_round_ += feedback.acked_bytes;
  if (now - round_began_ >= smoothed_rtt_ && delivered_in_round_ >= 2 * datagram_bytes_)
    end_round(now, feedback.sent_at);

  const bool much_delay = median_ >= target_;
  if (feedback.arrivals != 0) note_marks(feedback.marked * kAllMarked / feedback.arrivals);
  if (ecn_ && share_ == 0 && !much_delay && marks_ > kMarksToYield) {
    cut(now, feedback.sent_at, window_ - window_ * marks_ / (2 * kAllMarked));
  }
  const bool marked = ecn_ ? feedback.marked * 2 > feedback.arrivals : much_delay;
  if (much_delay && marked) {
    const std::int64_t excess = median_.nanoseconds - target_.nanoseconds;
    // Four fifths of the excess, at most half.
    const auto tenths_of_percent = std::min<std::int64_t>(excess * 800 / median_.nanoseconds, 500);
    cut(now, feedback.sent_at, window_ - window_ * static_cast<std::uint64_t>(tenths_of_percent) / 1000);
  } else if (window_was_full_ && feedback.acked_bytes != 0) {
    const std::uint64_t acked = feedback.acked_bytes;
    // A datagram a round, marked or not: a small window would never come back beside large ones that are
    // marked as often.
    std::uint64_t growth = acked * datagram_bytes_ / std::max<std::uint64_t>(window_, 1);
    growth = std::min<std::uint64_t>(growth, datagram_bytes_);
    if (much_delay) {
      growth /= 4;
    } else if (!marked) {
      growth += acked * static_cast<std::uint64_t>(target_.nanoseconds - median_.nanoseconds) /
                static_cast<std::uint64_t>(target_.nanoseconds) / 2 * unmarked_growth() / kAllMarked;
    }
    set_window(window_ + growth);
  }
}

void CongestionControl::note_marks(std::uint32_t marked) {
  marks_times_averaged_ += marked - marks_times_averaged_ / kMarksAveraged;
  marks_ = marks_times_averaged_ / kMarksAveraged;
}

// In parts of kAllMarked: the more marks, the less growth, and none at a fifth.
std::uint32_t CongestionControl::unmarked_growth() const {
  if (!ecn_ || share_ != 0) return kAllMarked;  // A share is the receiver's own brake.
  return kAllMarked - std::min(kAllMarked, marks_ * kGrowthPerMark);
}

void CongestionControl::end_round(Instant now, Instant sent_at) {
  const Duration elapsed = now - round_began_;
  if (round_began_ != Instant{} && elapsed.nanoseconds > 0) note_delivery(elapsed);
  if (round_began_ != Instant{} && median_.nanoseconds > kFarAboveTarget * target_.nanoseconds &&
      window_was_full_) {
    // What the network carried, for as long as a datagram may be under way.
    const auto fitting = static_cast<std::uint64_t>(static_cast<std::int64_t>(delivered_in_round_) *
                                                    (least_rtt_.nanoseconds + target_.nanoseconds) /
                                                    std::max<std::int64_t>(elapsed.nanoseconds, 1));
    if (fitting < window_) cut(now, sent_at, fitting);
  }
  round_began_ = now;
  delivered_in_round_ = 0;
  sent_in_round_ = 0;
  window_was_full_ = false;
}

// An application that sends little says nothing about the network, unless it is more than was known.
void CongestionControl::note_delivery(Duration elapsed) {
  const std::uint64_t seen =
      delivered_in_round_ * 8'000'000'000 / static_cast<std::uint64_t>(elapsed.nanoseconds);
  if (seen > delivery_rate_) {
    delivery_rate_ += (seen - delivery_rate_) / (delivery_rate_ == 0 ? 1 : 4);
  } else if (window_was_full_) {
    delivery_rate_ -= (delivery_rate_ - seen) / 8;
  }
  if (target_bits_ == 0) return;
  const std::uint64_t time = target_bits_ * 1'000'000'000 / std::max<std::uint64_t>(delivery_rate_, 1);
  const auto most = static_cast<std::uint64_t>(std::max(kMostTarget, least_target_).nanoseconds);
  target_ = std::max(least_target_, Duration{static_cast<std::int64_t>(std::min(time, most))});
}

// Once a round trip: what was sent before the last cut only tells of the time before it.
void CongestionControl::cut(Instant now, Instant sent_at, std::uint64_t window) {
  if (sent_at <= last_cut_) return;
  last_cut_ = now;
  ++cuts_;
  set_window(window);
}

void CongestionControl::on_loss(Instant now, Instant sent_at) {
  if (is_congested()) cut(now, sent_at, window_ / 2);
}

void CongestionControl::on_timeout(Instant now) {
  last_cut_ = now;
  ++cuts_;
  set_window(datagram_bytes_);
}

void CongestionControl::on_restart(Instant now) {
  delays_known_ = 0;
  median_ = {};
  round_began_ = now;
  delivered_in_round_ = 0;
  sent_in_round_ = 0;
  set_window(bytes_in(share_ != 0 ? share_ : link_, least_rtt_ + target_));
}

}  // namespace enid::srd
