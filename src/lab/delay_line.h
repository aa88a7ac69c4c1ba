// DelayLine: the packets that are on a long wire, in order, each with the time at which it arrives.
//
// Theory of operation
//   A ring of bytes. The owner asks for room(), lets the packet be written there, and commit()s what came
//   with the time when it is due, so that a packet is never copied. A packet lies in one piece: what is left
//   at the ring's end when the next may not fit is skipped. All packets take equally long, so the first is
//   due first.
//
// Invariants
//   (1) Memory is the ring and one small record for each packet in it: nothing grows with what is sent.
//   (2) room() is empty when the ring is full; the owner then drops, as a wire that is fed too fast would.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/time.h"

namespace enid::lab {

class DelayLine {
 public:
  // A packet has at most `packet_bytes_max` bytes.
  DelayLine(std::size_t ring_bytes, std::size_t packet_bytes_max);

  // `packet_bytes_max` bytes, or none: full.
  std::span<std::uint8_t> room();
  // The first `bytes` of what room() answered are a packet. `due` is not before that of the packet before it.
  void commit(std::size_t bytes, Instant due);

  bool empty() const { return packets_.empty(); }
  Instant next_due() const { return packets_.empty() ? Instant::never() : packets_.front().due; }
  ConstBytes front() const;
  void pop();

 private:
  struct Packet {
    std::size_t at = 0;
    std::size_t bytes = 0;
    Instant due;
  };

  std::unique_ptr<std::uint8_t[]> ring_;
  std::size_t ring_bytes_;
  std::size_t packet_bytes_max_;
  std::size_t tail_ = 0;  // Where room() begins.
  std::deque<Packet> packets_;
};

}  // namespace enid::lab
