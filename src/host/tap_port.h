// TapPort: a TAP device as a card's port.
//
// Theory of operation
//   The device lies in an instance's network namespace; whoever made it hands its descriptor
//   here. One read or write carries one frame behind a virtio_net_hdr, so that TCP super-frames
//   of 64 KiB and unfinished checksums cross the card as they are. receive() packs the frames
//   of a batch one after the other into the port's arena and ends the batch when the next frame
//   might not fit: 64 small frames or about four super-frames, which stay in the cache.
//
// Invariants
//   (1) The arena is the port's only memory: kArenaBytes.
//   (2) A frame whose header lies (see virtio_net_header.h) is dropped and counted.
//   (3) After is_broken() the port carries nothing more: the device is gone.
//
// Sources: Documented: Linux, Documentation/networking/tuntap.rst; linux/if_tun.h.
//   Observed: a write without IFF_NAPI runs the receiving namespace's protocol stack before it
//   returns, and is faster than with it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "card/ports/frame_port.h"
#include "host/unique_fd.h"

namespace enid::host {

struct TapPortCounters {
  std::uint64_t malformed =
      0;                      // From the instance: a lying header, or a frame that is too short or too long.
  std::uint64_t refused = 0;  // To the instance: the device would not have this one frame.
};

class TapPort final : public card::FramePort {
 public:
  static constexpr std::size_t kArenaBytes = 336 * 1024;

  // `tap` must be attached to a TAP device with IFF_VNET_HDR and without packet information.
  static Result<std::unique_ptr<TapPort>> create(UniqueFd tap);

  std::size_t receive(std::span<card::Frame> frames) override;
  std::size_t transmit(std::span<const card::Frame> frames) override;
  card::PortFacts facts() const override { return {.kind = "tap"}; }
  // One system call each, whatever their length.
  bool likes_super_frames() const override { return true; }

  int fd() const { return tap_.get(); }
  bool is_broken() const { return is_broken_; }
  const TapPortCounters& counters() const { return counters_; }

 private:
  explicit TapPort(UniqueFd tap);

  UniqueFd tap_;
  std::unique_ptr<std::uint8_t[]> arena_;
  bool is_broken_ = false;
  TapPortCounters counters_;
};

// Makes a TAP device, fit for TapPort, in the calling thread's network namespace. It lives as
// long as the descriptor.
Result<UniqueFd> open_tap(const std::string& name);

}  // namespace enid::host
