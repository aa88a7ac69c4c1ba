#include "host/capture_subscription.h"

#include <fmt/format.h>

#include <chrono>

#include "wire/pcapng.h"

namespace enid::host {
namespace {

constexpr std::uint32_t kSnapBytes = 256 * 1024;  // More than any frame.

}  // namespace

CaptureSubscription::CaptureSubscription(const std::vector<NetworkInterfaceId>& interfaces,
                                         std::int64_t epoch)
    : epoch_(epoch) {
  queue_ = wire::pcapng::section_header("enid");
  for (const NetworkInterfaceId& interface : interfaces) {
    if (!interfaces_.emplace(interface, static_cast<std::uint32_t>(interfaces_.size())).second) continue;
    queue_ += wire::pcapng::interface_description(interface.text(), "", kSnapBytes);
  }
}

void CaptureSubscription::on_frame(const NetworkInterfaceId& interface, bool from_instance, Instant now,
                                   const card::Frame& frame, std::string_view comment) {
  const auto place = interfaces_.find(interface);
  if (place == interfaces_.end()) return;
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  if (queue_.size() >= kQueueBytesMax) {
    ++lost_;
    return;
  }
  std::string note(comment);
  if (lost_ > 0) {
    note += fmt::format("{}the capture lost {} frames before this one", note.empty() ? "" : "; ", lost_);
    lost_ = 0;
  }
  const bool was_empty = queue_.empty();
  using wire::pcapng::Direction;
  queue_ += wire::pcapng::packet({.interface = place->second,
                                  .nanoseconds_since_epoch = epoch_ + now.nanoseconds,
                                  .direction = from_instance ? Direction::kOutbound : Direction::kInbound,
                                  .original_bytes = static_cast<std::uint32_t>(frame.bytes.size()),
                                  .comment = note},
                                 frame.bytes);
  if (was_empty) changed_.notify_one();
}

bool CaptureSubscription::read(std::string& blocks, Duration wait) {
  blocks.clear();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::nanoseconds(wait.nanoseconds),
                    [this] { return closed_ || !queue_.empty(); });
  blocks.swap(queue_);
  return !blocks.empty() || !closed_;
}

void CaptureSubscription::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace enid::host
