// FrameMerger: makes super-frames again of TCP segments that came together from another host.
//
// Theory of operation
//   A port takes a super-frame at about the price of one packet (a TAP: one system call), and so does the
//   instance behind it. Segments of one flow that follow each other, with nothing but their place in the
//   stream between them, become one frame whose offload notes say how it was cut. It stands where its first
//   segment stood; frames of other flows keep their order, and so do those of the same flow that cannot be
//   merged.
//
//   Checksums are verified here, because the merged frame's is still to be made: a damaged segment stays
//   alone, for the instance to throw away.
//
//   Documented: Linux tcp_offload.c (tcp_gro_receive): which segments may be merged.
//
// Invariant: memory is one batch of frames.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "card/ports/frame_port.h"

namespace enid::card {

class FrameMerger {
 public:
  // For each frame that went into an earlier one: (which, into which).
  struct Joined {
    std::uint8_t segment = 0;
    std::uint8_t into = 0;
  };

  // Changes frames that others join: they are longer, and their bytes are the merger's until the next call.
  // The joined ones are to be left out. At most kBatchFrames.
  std::span<const Joined> merge(std::span<Frame> frames);

 private:
  enum class Reading : std::uint8_t {
    kSegment,    // May be merged.
    kAlone,      // Of a TCP flow, which it keeps its place in.
    kOfAnyFlow,  // TCP, of a flow that its headers do not tell.
    kOther,
  };
  struct Segment {
    std::uint64_t addresses = 0;
    std::uint32_t ports = 0;
    std::uint32_t sequence = 0;
    std::uint16_t header_bytes = 0;  // Ethernet, IP and TCP.
    std::uint16_t payload_bytes = 0;
    bool ends_merge = false;  // Nothing may follow it: PSH.
  };
  struct Chain {
    std::uint8_t first = 0;
    std::uint8_t last = 0;
    std::uint16_t count = 0;
    std::uint32_t bytes = 0;  // Of the frame so far.
    std::uint32_t next_sequence = 0;
    bool open = false;
  };

  static Reading read_segment(const Frame& frame, Segment& segment);
  bool fits(const Chain& chain, std::size_t i, std::span<const Frame> frames) const;
  void build(const Chain& chain, std::span<Frame> frames);

  std::array<Segment, kBatchFrames> segments_;
  std::array<Chain, kBatchFrames> chains_;
  std::array<std::uint8_t, kBatchFrames> next_;  // In its chain.
  std::array<Joined, kBatchFrames> joined_;
  std::vector<std::uint8_t> bytes_;
  std::size_t used_ = 0;
};

}  // namespace enid::card
