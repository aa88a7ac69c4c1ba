#include "sim/window_control.h"

#include <algorithm>

namespace enid::sim {
namespace {

constexpr std::uint64_t kLeast = 2 * WindowControl::kOne;

// The greatest whole number whose cube is not above `value`.
std::uint64_t cube_root(std::uint64_t value) {
  std::uint64_t root = 0;
  for (int bit = 20; bit >= 0; --bit) {
    const std::uint64_t tried = root | 1ULL << bit;
    if (tried * tried * tried <= value) root = tried;
  }
  return root;
}

}  // namespace

WindowControl::WindowControl(Sender algorithm, std::uint32_t initial_packets)
    : algorithm_(algorithm), window_(initial_packets * kOne) {}

void WindowControl::on_acknowledged(Picoseconds now, std::uint32_t packets, std::uint32_t marked) {
  round_packets_ += packets;
  round_marked_ += marked;
  if (in_slow_start() && !(algorithm_ == Sender::kDctcp && marked > 0)) {
    window_ += packets * kOne;
    return;
  }
  if (algorithm_ == Sender::kCubic) {
    grow_cubic(now, packets);
  } else {
    window_ += packets * kOne * kOne / window_;  // One packet a round.
  }
}

void WindowControl::grow_cubic(Picoseconds now, std::uint32_t packets) {
  if (epoch_ == kNever) {  // Left slow start without a loss.
    epoch_ = now;
    window_max_ = reno_window_ = window_;
    plateau_us_ = 0;
  }
  // Reno with the same average: 3 * 0.3 / 1.7 packets a round.
  reno_window_ += packets * kOne * kOne * 9 / (17 * std::max(window_, kOne));
  // C = 0.4 packets a cubic second: 0.4 * (t / 10^6)^3 packets with t in microseconds.
  const std::int64_t t = (now - epoch_) / kMicrosecond - plateau_us_;
  const std::int64_t bounded = std::clamp<std::int64_t>(t, -1'500'000, 1'500'000);
  const std::int64_t cube = bounded * bounded / 1'000'000 * bounded / 1'000'000;  // 10^6 is one cubic second.
  const std::int64_t aim =
      static_cast<std::int64_t>(window_max_) + cube * 4 * static_cast<std::int64_t>(kOne) / 10'000'000;
  if (aim > static_cast<std::int64_t>(window_)) {
    window_ += std::min<std::uint64_t>(packets * (static_cast<std::uint64_t>(aim) - window_) * kOne / window_,
                                       packets * kOne / 2);
  }
  window_ = std::max(window_, reno_window_);
}

void WindowControl::on_round(Picoseconds) {
  if (algorithm_ == Sender::kDctcp && round_packets_ > 0) {
    const std::uint64_t share = round_marked_ * 1024 / round_packets_;
    alpha_ = alpha_ - alpha_ / 16 + share / 16;
    if (round_marked_ > 0) {
      window_ = std::max(window_ - window_ * alpha_ / 2048, kLeast);
      threshold_ = window_;
    }
  }
  round_packets_ = round_marked_ = 0;
}

void WindowControl::on_loss(Picoseconds now) {
  if (algorithm_ == Sender::kCubic) {
    // Fast convergence: below the last maximum, leave room for the newcomer.
    window_max_ = window_ < window_max_ ? window_ * 17 / 20 : window_;
    const std::uint64_t after = std::max(window_ * 7 / 10, kLeast);
    // K = cube root of (window_max - after) / 0.4, in seconds; both sides times 10^6.
    const std::uint64_t fallen = window_max_ > after ? window_max_ - after : 0;
    plateau_us_ = static_cast<std::int64_t>(cube_root(fallen * 10 / 4 * 1'000'000 / kOne)) * 10'000;
    window_ = reno_window_ = after;
    epoch_ = now;
  } else {
    window_ = std::max(window_ / 2, kLeast);
  }
  threshold_ = window_;
}

void WindowControl::on_timeout(Picoseconds now) {
  on_loss(now);
  window_ = reno_window_ = kOne;
}

}  // namespace enid::sim
