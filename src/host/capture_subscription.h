// CaptureSubscription: frames of chosen interfaces as a pcapng stream, from the card's thread to a reader.
//
// Theory of operation
//   The card hands each frame to on_frame() on its own thread, where it becomes a pcapng block
//   in a bounded queue. A reader on any other thread takes what waits. A reader that is too slow
//   loses frames, never the card time: the next block that finds room says how many are missing.
//
// Invariants
//   (1) At most kQueueBytesMax wait, but for one block.
//   (2) What read() answers is whole blocks, in order, beginning with the section's header.
//
// Chosen: a block's comment is the drop reason's name, so that `frame.comment == "no_ingress_rule"`
//   finds in Wireshark what the card would not carry.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/resource_id.h"
#include "base/time.h"
#include "card/card.h"

namespace enid::host {

class CaptureSubscription final : public card::CaptureSink {
 public:
  static constexpr std::size_t kQueueBytesMax = 4 * 1024 * 1024;

  // `epoch` is what the monotonic clock's zero is in nanoseconds since 1970.
  CaptureSubscription(const std::vector<NetworkInterfaceId>& interfaces, std::int64_t epoch);

  void on_frame(const NetworkInterfaceId& interface, bool from_instance, Instant now,
                const card::Frame& frame, std::string_view comment) override;

  // Waits until something is there, at most for `wait`, and replaces `blocks` with it (nothing
  // after a wait in vain). False: the stream has ended, and all of it was read.
  bool read(std::string& blocks, Duration wait);
  // Ends the stream; on any thread.
  void close();

 private:
  const std::int64_t epoch_;
  std::map<NetworkInterfaceId, std::uint32_t> interfaces_;  // -> place in the stream.
  std::mutex mutex_;                                        // Guards what follows.
  std::condition_variable changed_;
  std::string queue_;
  std::uint64_t lost_ = 0;
  bool closed_ = false;
};

}  // namespace enid::host
