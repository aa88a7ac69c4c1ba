// WindowControl: how many packets a TCP-like sender may have under way, by CUBIC's or DCTCP's rules.
//
//   Slow start doubles a round until the first loss or mark. CUBIC (RFC 9438): a cut to 0.7, then the
//   cube of the time since, or what Reno would do in that time, whichever is more; in a fabric of 14 us round
//   trips Reno's line is always the greater. DCTCP (RFC 8257): the share of marked packets, averaged with
//   1/16 a round, cuts the window by half that share, once a round; losses cut by half.
//
//   Whole numbers only: windows are in 1/1024 packets, shares in 1/1024, so that every machine computes the
//   same.
#pragma once

#include <cstdint>

#include "sim/flow_table.h"
#include "sim/sim_time.h"

namespace enid::sim {

class WindowControl {
 public:
  static constexpr std::uint64_t kOne = 1024;  // One packet.

  WindowControl(Sender algorithm, std::uint32_t initial_packets);

  std::uint64_t packets() const { return window_ / kOne; }
  bool in_slow_start() const { return window_ < threshold_; }

  // `packets` were acknowledged, `marked` of them with congestion experienced.
  void on_acknowledged(Picoseconds now, std::uint32_t packets, std::uint32_t marked);
  // A round trip is over: what was sent when the last one ended is acknowledged.
  void on_round(Picoseconds now);
  // Once for all losses of one window.
  void on_loss(Picoseconds now);
  void on_timeout(Picoseconds now);

 private:
  void grow_cubic(Picoseconds now, std::uint32_t packets);

  Sender algorithm_;
  std::uint64_t window_;
  std::uint64_t threshold_ = ~0ULL >> 1;
  // DCTCP.
  std::uint64_t alpha_ = 1024;
  std::uint64_t round_packets_ = 0;
  std::uint64_t round_marked_ = 0;
  // CUBIC.
  std::uint64_t window_max_ = 0;
  std::uint64_t reno_window_ = 0;
  Picoseconds epoch_ = kNever;   // Since the last cut.
  std::int64_t plateau_us_ = 0;  // K, after the epoch began.
};

}  // namespace enid::sim
