// ReorderBuffer: gives the frames of each flow of one peer's card back their order.
//
// Theory of operation
//   SRD delivers every frame, in any order. Its sender numbers the frames of a flow, which a tag names; tags
//   are few, so flows may share one, and then an order. A frame whose number is the expected one passes at
//   once, and so do those behind it that waited. A frame that is ahead waits in a copy until the gap before
//   it closes, or until its time is over: then everything up to the next gap passes, and what comes for the
//   gap later passes at once. A frame numbered 0 begins its tag's numbering anew: the sender's card is
//   another one.
//
//   add() tells by its return value whether the frame that was given may pass now, by the bytes that the
//   caller has; what had waited and passes now comes in a list, before that frame or behind it.
//
// Invariants
//   (1) Frames that wait, and frames that passed until recycle(), never take more than ReorderLimits say,
//   here
//       and in ReorderMemory. A frame that finds no room ends its gap: it passes.
//   (2) No frame waits longer than the hold it came with.
//   (3) Each frame passes exactly once.
//
//   Chosen: everything; how ENA Express does it is not published. The note on bounds is in docs/srd.md.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "flow/zeroed_array.h"

namespace enid::card {

// Tags of a pair of cards; a message with a greater one is malformed. Chosen: flows that share a tag only
// wait for each other's gaps, so that there need not be one for each.
constexpr std::uint32_t kFlowTags = 4096;

// What all peers' buffers hold together.
struct ReorderMemory {
  std::size_t bytes_max = 64 << 20;
  std::size_t bytes = 0;
};

struct ReorderLimits {
  std::size_t bytes_max = 1 << 20;
  std::uint32_t frames_max = 2048;
};

struct ReorderCounters {
  std::uint64_t held = 0;      // Frames that had to wait.
  std::uint64_t given_up = 0;  // Gaps that did not close in time.
  std::uint64_t no_room = 0;   // Gaps that were ended for want of room.
  std::uint64_t late = 0;      // Frames for a gap that had been given up.
};

class ReorderBuffer {
 public:
  struct Arrival {
    std::uint16_t tag = 0;  // Below kFlowTags.
    std::uint32_t sequence = 0;
    std::uint32_t vni = 0;  // Kept with the frame.
    ConstBytes frame;
    Duration hold;  // How long it may wait.
  };
  // A frame that had waited. Its bytes are valid until recycle().
  struct Passed {
    std::uint32_t vni = 0;
    Bytes frame;
  };
  enum class Verdict : std::uint8_t {
    kPasses,   // Now, before what is in the list.
    kHeld,     // Copied.
    kFollows,  // Passes, behind what is in the list.
  };

  explicit ReorderBuffer(ReorderMemory& memory, const ReorderLimits& limits = {});
  ~ReorderBuffer();
  ReorderBuffer(const ReorderBuffer&) = delete;
  ReorderBuffer& operator=(const ReorderBuffer&) = delete;

  // Whether something of the tag has passed, so that it is known what comes next.
  bool has_begun(std::uint16_t tag) const { return tags_[tag].expected != 0; }
  Verdict add(Instant now, const Arrival& arrival, std::vector<Passed>& passed);
  // At or before the time when the first frame has waited long enough; never() when none waits.
  Instant next_timeout() const { return soonest_; }
  void on_timeout(Instant now, std::vector<Passed>& passed);
  // Frees what has passed.
  void recycle();

  std::size_t bytes() const { return bytes_; }
  std::size_t frames_held() const { return held_; }
  const ReorderCounters& counters() const { return counters_; }

 private:
  // Places in the arrays below, plus one: zero is none.
  struct Tag {
    std::uint32_t expected;  // Zero: nothing has passed.
    std::uint32_t gap;
  };
  struct Gap {
    std::uint16_t tag;
    std::uint32_t first;  // Frames by number.
    std::uint32_t last;
    Instant deadline;
  };
  struct Held {
    std::uint32_t sequence = 0;
    std::uint32_t previous = 0;
    std::uint32_t next = 0;
    std::uint32_t vni = 0;
    std::uint32_t size = 0;
    Instant deadline;
    std::unique_ptr<std::uint8_t[]> frame;
  };

  static std::size_t charge(std::size_t frame_bytes) { return frame_bytes + sizeof(Held); }
  Held& held(std::uint32_t place) { return frames_[place - 1]; }
  // False: a frame with this number waits already.
  bool hold(Instant now, const Arrival& arrival);
  bool has_room_for(std::size_t frame_bytes) const;
  void open_gap(std::uint16_t tag);
  void close_gap(std::uint32_t gap);
  // Lets pass what waits at the front of the tag's frames while it is expected.
  void pass_expected(std::uint16_t tag, std::vector<Passed>& passed);
  void pass_first(Tag& tag, Gap& gap, std::vector<Passed>& passed);
  void pass_all(std::uint16_t tag, std::vector<Passed>& passed);

  ReorderMemory& memory_;
  ReorderLimits limits_;
  flow::ZeroedArray<Tag> tags_{kFlowTags};
  std::vector<Gap> gaps_;
  std::vector<Held> frames_;
  std::uint32_t free_frames_ = 0;   // A list by `next`.
  std::uint32_t spent_frames_ = 0;  // Passed, and not recycled.
  std::size_t bytes_ = 0;
  std::size_t held_ = 0;
  std::size_t kept_ = 0;  // Held or spent.
  Instant soonest_ = Instant::never();
  ReorderCounters counters_;
};

}  // namespace enid::card
