// Packet and PacketPool: what travels in the simulated fabric.
//
//   A packet has a size on the wire and the header that its transport wrote, never a payload: nothing in
//   the fabric looks at one. Packets are numbers into one pool; a port's queue is a list through `next`.
//   The pool grows to the largest number of packets that were ever under way, and never shrinks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/sim_time.h"

namespace enid::sim {

using PacketIndex = std::uint32_t;
inline constexpr PacketIndex kNoPacket = 0xFFFF'FFFF;

enum class Transport : std::uint8_t { kSrd, kTcpLike };

struct alignas(64) Packet {
  // What one transport may say to itself at the other end; sized for the largest ACK.
  static constexpr std::size_t kHeaderBytesMax = 160;

  // What switches look at is in the first cache line; with half a million packets under way, each line is a
  // miss.
  Picoseconds departs = 0;  // When its last bit leaves the port that it waits in.
  PacketIndex next = kNoPacket;
  std::uint32_t source = 0;  // Hosts.
  std::uint32_t target = 0;
  std::uint32_t wire_bytes = 0;
  std::uint16_t source_port = 0;  // What ECMP hashes, besides the two hosts.
  Transport transport = Transport::kSrd;
  bool ecn_capable = false;
  bool ecn_marked = false;  // Congestion experienced.
  bool lost = false;        // Takes its time on the wire, but never arrives.
  std::uint32_t payload_bytes = 0;
  std::uint32_t connection = 0;  // The target's number of the conversation; for its transport only.
  std::uint64_t payload = 0;     // Which payload this is; for the referee only.
  std::array<std::uint8_t, kHeaderBytesMax> header;
};

class PacketPool {
 public:
  // The header's bytes of a fresh packet are whatever was there before.
  PacketIndex take() {
    if (free_ == kNoPacket) {
      packets_.emplace_back();
      return static_cast<PacketIndex>(packets_.size() - 1);
    }
    const PacketIndex index = free_;
    free_ = packets_[index].next;
    Packet& packet = packets_[index];
    packet.next = kNoPacket;
    packet.ecn_capable = packet.ecn_marked = packet.lost = false;
    return index;
  }
  void give_back(PacketIndex index) {
    packets_[index].next = free_;
    free_ = index;
  }

  // References are good until the next take().
  Packet& operator[](PacketIndex index) { return packets_[index]; }
  const Packet& operator[](PacketIndex index) const { return packets_[index]; }
  void prefetch(PacketIndex index) const {
    if (index != kNoPacket) __builtin_prefetch(&packets_[index]);
  }
  std::size_t packets_max() const { return packets_.size(); }

 private:
  std::vector<Packet> packets_;
  PacketIndex free_ = kNoPacket;
};

}  // namespace enid::sim
