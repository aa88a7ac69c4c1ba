// FlowTable: what shall be sent from where to where, and what became of it.
//
//   A flow is a number of bytes from one host to another, cut into datagrams of the same size (the last may
//   be shorter). Its transport tells when a datagram was delivered and when it was acknowledged; the table
//   knows when all were, and how many bytes arrived in each slice of time if the scenario asks for slices.
//   It also is the referee: a datagram that is delivered twice, or acknowledged without having been
//   delivered, is counted as a violation, and a report with violations is a failed one.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/sim_time.h"

namespace enid::sim {

enum class Sender : std::uint8_t { kSrd, kDctcp, kCubic };
inline constexpr std::size_t kSenders = 3;
std::string_view name_of(Sender sender);

struct Flow {
  std::uint32_t source = 0;
  std::uint32_t target = 0;
  std::uint64_t bytes = 0;
  Picoseconds start = 0;
  Sender sender = Sender::kSrd;
  std::uint16_t source_port = 0;  // Of single-path senders; 0: drawn from the seed.
  std::uint32_t group = 0;        // Which line of the scenario made it.
  std::uint32_t number_in_group = 0;

  // What became of it.
  std::uint32_t datagrams = 0;
  std::uint32_t datagrams_acknowledged = 0;
  std::uint64_t bytes_delivered = 0;
  std::uint64_t bytes_acknowledged = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t timeouts = 0;
  Picoseconds delivered_at = kNever;  // The last byte, at the receiver.
  Picoseconds finished_at = kNever;   // The last acknowledgement, at the sender.
};

class FlowTable {
 public:
  // `slice` 0: no slices.
  FlowTable(std::vector<Flow> flows, std::uint32_t payload_bytes, Picoseconds slice);

  const std::vector<Flow>& flows() const { return flows_; }
  const Flow& operator[](std::uint32_t flow) const { return flows_[flow]; }
  std::uint32_t payload_of(std::uint32_t flow, std::uint32_t datagram) const;
  std::uint32_t finished() const { return finished_; }
  bool all_finished() const { return finished_ == flows_.size(); }
  std::uint64_t violations() const { return violations_; }

  // Before the run.
  void set_source_port(std::uint32_t flow, std::uint16_t port) { flows_[flow].source_port = port; }
  void on_delivered(Picoseconds now, std::uint32_t flow, std::uint32_t datagram);
  void on_acknowledged(Picoseconds now, std::uint32_t flow, std::uint32_t datagram);
  void on_retransmission(std::uint32_t flow) { ++flows_[flow].retransmissions; }
  void on_timeout(std::uint32_t flow) { ++flows_[flow].timeouts; }

  Picoseconds slice() const { return slice_; }
  // Bytes delivered in slice 0, 1, … since the beginning of the run.
  const std::vector<std::uint32_t>& slices(std::uint32_t flow) const { return slices_[flow]; }

 private:
  static constexpr std::uint8_t kDelivered = 1;
  static constexpr std::uint8_t kAcknowledged = 2;

  std::vector<Flow> flows_;
  std::uint32_t payload_bytes_;
  Picoseconds slice_;
  std::uint32_t finished_ = 0;
  std::uint64_t violations_ = 0;
  std::vector<std::vector<std::uint8_t>> marks_;  // Of each datagram of each flow under way.
  std::vector<std::vector<std::uint32_t>> slices_;
};

}  // namespace enid::sim
