#include "lab/delay_line.h"

#include "base/check.h"

namespace enid::lab {
namespace {

// A packet takes this much at least, so that the records are bounded by the ring, too.
constexpr std::size_t kSlotBytes = 64;

}  // namespace

// Not value-initialized: pages that no packet reaches are never touched.
DelayLine::DelayLine(std::size_t ring_bytes, std::size_t packet_bytes_max)
    : ring_(new std::uint8_t[ring_bytes]), ring_bytes_(ring_bytes), packet_bytes_max_(packet_bytes_max) {
  CHECK(packet_bytes_max <= ring_bytes);
}

std::span<std::uint8_t> DelayLine::room() {
  if (packets_.empty()) {
    tail_ = 0;
    return {ring_.get(), packet_bytes_max_};
  }
  const std::size_t head = packets_.front().at;
  // The tail meets the head only in a full ring; an empty one began anew above.
  if (tail_ > head) {
    if (ring_bytes_ - tail_ >= packet_bytes_max_) return {ring_.get() + tail_, packet_bytes_max_};
    if (head < packet_bytes_max_) return {};
    tail_ = 0;
    return {ring_.get(), packet_bytes_max_};
  }
  if (head - tail_ < packet_bytes_max_) return {};
  return {ring_.get() + tail_, packet_bytes_max_};
}

void DelayLine::commit(std::size_t bytes, Instant due) {
  CHECK(bytes <= packet_bytes_max_);
  CHECK(packets_.empty() || due >= packets_.back().due);
  packets_.push_back({tail_, bytes, due});
  tail_ += (bytes + kSlotBytes - 1) / kSlotBytes * kSlotBytes;
  if (tail_ > ring_bytes_) tail_ = ring_bytes_;
}

ConstBytes DelayLine::front() const {
  CHECK(!packets_.empty());
  return {ring_.get() + packets_.front().at, packets_.front().bytes};
}

void DelayLine::pop() {
  CHECK(!packets_.empty());
  packets_.pop_front();
}

}  // namespace enid::lab
