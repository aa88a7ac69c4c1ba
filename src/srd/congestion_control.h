// CongestionControl: how much may be under way, and how fast it goes out.
//
// Theory of operation
//   A window in bytes and a rate. Feedback is one value an acknowledgement: the median delay of the
//   datagrams that it is about, above the least ever seen. The median of the last few is the queue of the
//   connection as a whole: one bad path does not move it (that is PathSet's affair), a full link of the
//   receiver moves all. With ECN there are four cases, NSCC's:
//
//                       little delay                          much delay (above the target)
//     no marks          grow in proportion to the headroom    grow a little: a fair share of a long queue
//     marks             a datagram a round: paths are meant   cut by the excess, at most once a round
//
//   Marks slow the growth, and when more than a tenth of all datagrams are marked over many rounds, the
//   window yields as DCTCP's does, by half of that share: single-path flows that obey marks would starve
//   beside one that waits for delay.
//
//   Without ECN much delay is as if marked. Besides, once a round, the window is held to what was really
//   delivered in it, when the delay is far above the target (the brake for incast, as in BBR), and to the
//   share that the receiver allows.
//
//   Chosen: delay mandatory and ECN optional, since an underlay need not mark; the numbers by simulation
//   (docs/srd.md).
//
// Units: bytes, nanoseconds, bits a second.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"
#include "srd/settings.h"

namespace enid::srd {

struct CongestionFeedback {
  Instant sent_at{};  // When the newest datagram that it is about was sent.
  std::uint64_t acked_bytes = 0;
  Duration queue_delay{};
  std::uint32_t arrivals = 0;
  std::uint32_t marked = 0;
};

class CongestionControl {
 public:
  explicit CongestionControl(const Settings& settings);

  void on_rtt(Instant now, Duration rtt);
  void on_acknowledgement(Instant now, const CongestionFeedback& feedback);
  // Its news is older than the last one's.
  void on_late_acknowledgement(std::uint64_t acked_bytes) { delivered_in_round_ += acked_bytes; }
  // Something was lost and sent again. Cuts only if delay says that queues are long.
  void on_loss(Instant now, Instant sent_at);
  void on_timeout(Instant now);
  // After idling: what was learned is old.
  void on_restart(Instant now);
  void on_sent(std::uint32_t bytes) { sent_in_round_ += bytes; }
  // The window, not the application, held back a datagram.
  void on_window_full() { window_was_full_ = true; }
  void set_share(Instant now, std::uint64_t bits_per_second);

  std::uint64_t window() const { return window_; }
  std::uint64_t rate() const { return rate_; }  // Bits a second.
  Duration time_to_send(std::uint32_t bytes) const {
    return {static_cast<std::int64_t>(bytes * nanoseconds_per_byte_q16_ >> 16)};
  }
  Duration least_rtt() const { return least_rtt_; }
  Duration smoothed_rtt() const { return smoothed_rtt_; }
  Duration rtt_variation() const { return rtt_variation_; }
  Duration median_queue_delay() const { return median_; }
  bool is_congested() const { return median_ > target_; }
  Duration target_delay() const { return target_; }
  // What the network was seen to carry, bits a second; zero: not known yet.
  std::uint64_t delivery_rate() const { return delivery_rate_; }
  std::uint64_t cuts() const { return cuts_; }

 private:
  static constexpr std::size_t kDelays = 8;

  void note_delay(Duration delay);
  void note_marks(std::uint32_t marked);
  std::uint32_t unmarked_growth() const;
  void end_round(Instant now, Instant sent_at);
  void note_delivery(Duration elapsed);
  void cut(Instant now, Instant sent_at, std::uint64_t window);
  void set_window(std::uint64_t window);
  std::uint64_t least_window() const;
  std::uint64_t bytes_in(std::uint64_t bits_per_second, Duration time) const;

  std::uint64_t link_;
  Duration least_target_;
  Duration target_;
  std::uint64_t target_bits_;  // The target is at least their time at delivery_rate_.
  bool ecn_;
  std::uint32_t datagram_bytes_;
  std::uint64_t share_ = 0;

  std::uint64_t window_ = 0;
  std::uint64_t rate_ = 0;
  std::uint64_t nanoseconds_per_byte_q16_ = 0;
  bool window_was_full_ = false;

  Duration least_rtt_;
  Duration smoothed_rtt_;
  Duration rtt_variation_;
  bool rtt_known_ = false;

  std::array<std::int64_t, kDelays> delays_{};
  std::uint32_t delays_known_ = 0;
  std::uint32_t next_delay_ = 0;
  std::uint32_t marks_times_averaged_ = 0;
  std::uint32_t marks_ = 0;  // The share of marked datagrams, of many acknowledgements.
  Duration median_{};

  Instant round_began_{};
  std::uint64_t delivery_rate_ = 0;
  Instant last_cut_{};
  std::uint64_t delivered_in_round_ = 0;
  std::uint64_t sent_in_round_ = 0;
  std::uint64_t cuts_ = 0;
};

}  // namespace enid::srd
