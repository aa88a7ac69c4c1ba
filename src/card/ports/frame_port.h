// FramePort: the one door through which frames enter and leave a card.
//
// Theory of operation
//   A port is a queue pair of one interface: a TAP device today, an ENA queue or an underlay
//   socket tomorrow. A frame is Ethernet bytes plus the offload notes that travel with it, so
//   that a 64 KiB TCP super-frame crosses the whole pipeline in one piece, with its checksum
//   still to be made by whoever needs it. The notes are virtio's (virtio 1.2, 5.1.6), because
//   TAP devices and guests speak them.
//
// Invariants
//   (1) Frames from receive() stay valid until the next receive() on the same port. The card
//       may change their bytes in place and may send them on through another port meanwhile.
//   (2) transmit() has taken what it needs of a frame when it returns.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "card/ports/allowances.h"

namespace enid::card {

enum class Segmentation : std::uint8_t { kNone, kTcp4, kTcp6, kUdp };

struct FrameOffload {
  bool checksum_needed = false;  // The L4 checksum holds only the pseudo header's sum so far.
  bool checksum_valid = false;   // The L4 checksum was verified by someone we trust.
  Segmentation segmentation = Segmentation::kNone;
  bool explicit_congestion = false;   // Segments of a frame with CWR (virtio's GSO_ECN).
  std::uint16_t header_bytes = 0;     // Ethernet + IP + L4, a hint. Valid with segmentation.
  std::uint16_t segment_bytes = 0;    // Payload of each segment (MSS). Valid with segmentation.
  std::uint16_t checksum_start = 0;   // From the frame's first byte. Valid with checksum_needed.
  std::uint16_t checksum_offset = 0;  // From checksum_start. Valid with checksum_needed.
};

constexpr std::size_t kBatchFrames = 64;  // What a card takes at once.

struct Frame {
  Bytes bytes;  // Begins with the Ethernet header.
  FrameOffload offload;
};

// Whose a port is. A user's own device serves an interface that no instance has: it counts as attached.
enum class PortOwner : std::uint8_t { kInstance, kUser };

// What a port is, for people.
struct PortFacts {
  std::string_view kind;
  std::uint16_t queue_pairs = 1;         // That it offers.
  std::uint16_t queue_pairs_in_use = 1;  // That the instance's driver has made.
  std::uint32_t resets = 0;              // That cut queues off, by whoever reset the device.
  std::uint32_t times_broken = 0;        // The instance broke a rule of the rings.
  std::string_view broken_because = {};  // Nothing passes until it resets the device; empty: all is well.
};

class FramePort {
 public:
  virtual ~FramePort() = default;

  // Fills `frames` from the front with what waits; answers how many. Never blocks.
  virtual std::size_t receive(std::span<Frame> frames) = 0;
  // Hands frames to the other side; answers how many it took. The rest found no room and is
  // the caller's to count as dropped.
  virtual std::size_t transmit(std::span<const Frame> frames) = 0;
  // A super-frame costs this port about as much as a packet, so packets may be merged for it.
  virtual bool likes_super_frames() const { return false; }
  // Whom to ask for the interface's allowances, from attachment to detachment; then null. A port whose
  // instance cannot see them takes no notice.
  virtual void set_allowances(AllowanceSource* /*source*/) {}
  virtual PortFacts facts() const { return {}; }
  // The queue on which the instance would receive the frame. Empty: it has none now.
  virtual std::optional<std::uint16_t> receive_queue_of(const Frame& /*frame*/) const { return 0; }
};

}  // namespace enid::card
