#include "srd/receive_share.h"

#include <algorithm>

namespace enid::srd {
namespace {

constexpr Duration kActiveFor = Duration::from_microseconds(100);
constexpr Duration kInterval = Duration::from_microseconds(10);

}  // namespace

ReceiveShare::ReceiveShare(std::uint64_t link_bits_per_second)
    : link_bits_per_second_(link_bits_per_second) {}

void ReceiveShare::on_arrival(Instant now, std::uint32_t sender, std::uint32_t bytes) {
  if (sender >= last_arrival_.size()) last_arrival_.resize(sender + 1, Instant{-kActiveFor.nanoseconds - 1});
  last_arrival_[sender] = now;
  bytes_in_interval_ += bytes;
}

std::uint64_t ReceiveShare::share(Instant now) {
  const Duration elapsed = now - interval_began_;
  if (elapsed < kInterval) return share_;
  const auto active = static_cast<std::uint64_t>(std::count_if(
      last_arrival_.begin(), last_arrival_.end(), [&](Instant t) { return now - t <= kActiveFor; }));
  // Thousandths of the link that arrived.
  const std::uint64_t load = bytes_in_interval_ * 8'000'000 /
                             static_cast<std::uint64_t>(elapsed.nanoseconds) * 1'000'000 /
                             std::max<std::uint64_t>(link_bits_per_second_, 1);
  interval_began_ = now;
  bytes_in_interval_ = 0;
  if (active < 2) {
    share_ = 0;
    return share_;
  }
  const std::uint64_t equal = link_bits_per_second_ / active;
  if (load >= 950) {
    share_ = std::max(equal, share_ == 0 ? equal : share_ - share_ / 16);
  } else if (share_ != 0) {
    share_ = std::max(equal, share_ + share_ / 16);
    if (share_ >= link_bits_per_second_) share_ = 0;
  }
  return share_;
}

}  // namespace enid::srd
