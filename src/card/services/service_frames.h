// ServiceFrames: the bounded output of the link-local services.
//
// Theory of operation
//   A service writes its answers here; the card hands them to the interfaces' ports after each
//   batch and clears. Answers come from the card itself: they pass no security group, no flow
//   cache and no source check. What finds no room is dropped and counted; TCP sends it again,
//   and the clients of DHCP, DNS and NTP ask again.
//
// Invariants
//   (1) Never more than `capacity` frames, each no longer than kFrameBytesMax.
//   (2) Every frame is complete: checksums are made, nothing is left to an offload.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "card/services/service_interface.h"

namespace enid::card {

struct ServiceFrame {
  InterfaceHandle to = 0;
  std::vector<std::uint8_t> bytes;  // Begins with the Ethernet header.
};

class ServiceFrames {
 public:
  static constexpr std::size_t kFrameBytesMax = 9216;  // Ethernet header and an MTU of 9001, rounded up.

  explicit ServiceFrames(std::size_t capacity = 256) : frames_(capacity) {}

  // Room for a frame of `size` bytes, all zero; empty when there is none. Valid until the next call.
  Bytes add(InterfaceHandle to, std::size_t size);
  std::span<ServiceFrame> frames() { return {frames_.data(), used_}; }
  bool full() const { return used_ == frames_.size(); }
  std::uint64_t dropped() const { return dropped_; }  // Since the start.
  void clear() { used_ = 0; }

 private:
  std::vector<ServiceFrame> frames_;  // Buffers are kept and used again.
  std::size_t used_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace enid::card
