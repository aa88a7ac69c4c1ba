// DataPath: the half of an ENA device that moves frames, as the controlling half sees it.
//
// Theory of operation
//   An Elastic Network Adapter has a slow side (registers, admin queue, events: controller.h) that may live
//   in a small process which owns the guest's socket, and a fast side (the rings) that the card's thread
//   polls. Between them goes only what is here. The rings' own indices live in shared memory (QueueState), so
//   that the fast side may die and begin again where it was, while the guest keeps its device.
//
// Invariants
//   (1) Every call is complete when it returns: after destroy_…, reset, set_memory and set_interrupt the fast
//       side touches nothing of what was there before.
//   (2) Indices are below the limits of limits.h, depths are powers of two within them, entry sizes are the
//       only ones supported: the controller has checked. Addresses are the guest's word, and not checked.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "devices/ena/limits.h"
#include "pci/descriptor.h"
#include "pci/guest_memory.h"

namespace enid::devices::ena {

// A ring's progress. Zero when the queue is created. Written by the fast side alone.
struct QueueState {
  std::uint32_t consumed = 0;  // Submission queues: entries taken, free-running, 16 bits used. Completion
                               // queues: entries written, free-running.
  std::uint32_t reserved = 0;
  // A transmit queue's last meta descriptor, which counts until the next (transmit_offload.h).
  std::uint64_t remembered = 0;
};

// All rings' states lie in one array; where each one's is.
constexpr std::size_t transmit_state(std::uint16_t queue) { return queue; }
constexpr std::size_t receive_state(std::uint16_t queue) { return std::size_t{kQueuePairsMax} + queue; }
constexpr std::size_t completion_state(std::uint16_t queue) {
  return 2 * std::size_t{kQueuePairsMax} + queue;
}
constexpr std::size_t kQueueStates = 2 * std::size_t{kQueuePairsMax} + kCompletionQueuesMax;

// Where a word of the doorbell page is, from the page's first byte; see DoorbellPage in limits.h.
struct CompletionQueueSetup {
  std::uint16_t index = 0;
  std::uint16_t depth = 0;
  std::uint16_t entry_bytes = 0;  // 8: transmit, 16: receive.
  std::uint64_t address = 0;      // Guest's.
  std::uint16_t vector = kNoVector;
  // The guest's ring is older than this fast side: go on from its QueueState, else begin at zero.
  bool resumes = false;
};

enum class Direction : std::uint8_t { kTransmit, kReceive };
enum class Placement : std::uint8_t { kHost, kLowLatency };

struct SubmissionQueueSetup {
  std::uint16_t index = 0;  // Of its direction.
  Direction direction = Direction::kTransmit;
  Placement placement = Placement::kHost;
  std::uint16_t depth =
      0;  // In entries: of 16 bytes in the host's memory, of kLowLatencyEntryBytes in BAR 2.
  std::uint64_t address = 0;  // Guest's; unused with kLowLatency.
  std::uint16_t completion_queue = 0;
  bool resumes = false;  // As of completion queues.
};

// Receive side scaling, as the driver set it. table[hash % 128] is a receive queue's index.
struct ReceiveSteering {
  bool is_on = false;
  std::array<std::uint16_t, kSteeringTableEntries> table{};
  std::array<std::uint8_t, 40> key{};
  // Bits of the packet kinds' fields (ENA_ADMIN_RSS_L3_SA …), index: ENA_ADMIN_RSS_TCP4 ….
  std::array<std::uint16_t, 16> fields{};
};

// What EC2 counts of packets that a limit of the instance delayed or dropped (ethtool -S shows them).
struct AllowanceStatistics {
  std::uint64_t bandwidth_in_exceeded = 0, bandwidth_out_exceeded = 0, packets_exceeded = 0;
  std::uint64_t connections_exceeded = 0, link_local_exceeded = 0;
  std::uint64_t connections_available = 0;  // How many more connections would be tracked.
};

// ENA Express, in the order of ena_admin_ena_srd_info. `flags`: 1 on, 2 on for UDP.
struct SrdStatistics {
  std::uint64_t flags = 0;
  std::uint64_t tx_pkts = 0, eligible_tx_pkts = 0, rx_pkts = 0;
  std::uint64_t resource_utilization = 0;  // Percent.
};

// One queue's share of what follows.
struct QueueStatistics {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t drops = 0;     // For what they are.
  std::uint64_t overruns = 0;  // Receive queues: too few buffers.
};

struct DataPathStatistics {
  std::uint64_t transmitted_bytes = 0, transmitted_packets = 0, transmit_drops = 0;
  std::uint64_t received_bytes = 0, received_packets = 0, receive_drops = 0, receive_overruns = 0;
  // The guest broke a rule of the rings: the device asks it for a reset (AENQ) and carries nothing until
  // then.
  bool is_broken = false;
  const char* broken_because = "";
  AllowanceStatistics allowances;
  SrdStatistics srd;
  std::array<QueueStatistics, kQueuePairsMax> transmit{};
  std::array<QueueStatistics, kQueuePairsMax> receive{};
};

class DataPath {
 public:
  virtual ~DataPath() = default;

  virtual void create_completion_queue(const CompletionQueueSetup& setup) = 0;
  virtual void create_submission_queue(const SubmissionQueueSetup& setup) = 0;
  virtual void destroy_completion_queue(std::uint16_t index) = 0;
  virtual void destroy_submission_queue(Direction direction, std::uint16_t index) = 0;
  virtual void set_receive_steering(const ReceiveSteering& steering) = 0;
  virtual void set_mtu(std::uint32_t mtu) = 0;  // Without the Ethernet header.
  // No frames either way while down.
  virtual void set_link(bool is_up) = 0;
  // Interrupt moderation's unit is a microsecond.
  virtual void set_memory(std::shared_ptr<const pci::GuestMemory> memory) = 0;
  virtual void set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) = 0;
  virtual void reset() = 0;

  virtual DataPathStatistics statistics() = 0;
};

}  // namespace enid::devices::ena
