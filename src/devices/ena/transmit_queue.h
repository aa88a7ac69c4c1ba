// TransmitQueue: takes packets out of one submission queue of the guest.
//
// Theory of operation
//   The driver writes descriptors, then the free-running tail into the queue's doorbell word. A packet is a
//   chain of them, up to the one marked last; the first may be a meta descriptor, which counts for the
//   packets after it too. In a low-latency queue (BAR 2) the ring's entries are 128 bytes: descriptors,
//   and the packet's first bytes among them. take() reads each entry once, judges the copy, and only then
//   copies the packet's bytes, once, out of the guest's memory.
//
// Invariants
//   (1) Nothing is taken of a packet that is not there as a whole, or has no room.
//   (2) After kBroken the queue is not asked again.
//   (3) has_work() is false after kEmpty until the doorbell changes, also with half a packet waiting.
//
//   Documented: Linux ena_eth_com.c (ena_com_prepare_tx). Observed: `first` is on the meta descriptor when
//   there is one; nobody needs it. header_length counts bytes of a low-latency entry only. A request id is
//   the driver's own word and may be beyond the ring: iPXE's are four times what it counts.
#pragma once

#include <array>
#include <cstdint>

#include "devices/ena/data_path.h"
#include "devices/ena/guest_ring.h"
#include "devices/ena/guest_window.h"
#include "devices/ena/rings.h"
#include "devices/ena/transmit_offload.h"

namespace enid::devices::ena {

struct TransmitPacket {
  std::size_t bytes = 0;
  TransmitNotes notes;
  std::uint16_t request_id = 0;
  std::uint16_t head = 0;  // The queue's, behind this packet.
};

class TransmitQueue {
 public:
  // An IPv4 packet of 65,535 bytes with its Ethernet header, and one more byte than fits.
  static constexpr std::size_t kFrameBytesMax = 65'550;

  enum class Outcome : std::uint8_t {
    kEmpty,
    kTaken,
    kTooLong,  // Taken, but its bytes are not: to be completed and dropped.
    kNoRoom,   // Waits.
    kBroken,   // See broken_because().
  };

  // All outlive the queue. `entries`: of a low-latency queue, its part of BAR 2.
  TransmitQueue(const SubmissionQueueSetup& setup, QueueState& state, std::uint8_t* doorbell, Bytes entries);

  void set_memory(const pci::GuestMemory* memory);

  bool has_work() const { return (load_shared_word(doorbell_) & 0xffff) != emptied_tail_; }
  // The packet's bytes go to the front of `room`.
  Outcome take(Bytes room, TransmitPacket& packet);

  const SubmissionQueueSetup& setup() const { return setup_; }
  const char* broken_because() const { return broken_because_; }

 private:
  static constexpr std::size_t kChainMax = kTransmitDescriptorsMax + 2;  // Meta descriptors included.

  struct Piece {
    std::uint64_t address = 0;
    std::uint32_t bytes = 0;
  };
  enum class Step : std::uint8_t { kNext, kEnd, kIncomplete, kBroken };

  inline Step look(TransmitPacket& packet);
  inline Step walk(std::uint32_t available, TransmitPacket& packet);
  inline Step read_descriptor(std::uint32_t available, TransmitDescriptor& descriptor);
  Step read_line(std::uint32_t available);
  inline Step accept(const TransmitDescriptor& descriptor, TransmitPacket& packet);
  inline void accept_meta(const TransmitDescriptor& descriptor);
  inline bool copy(Bytes room);
  inline void prefetch() const;
  Step broken(const char* because);

  SubmissionQueueSetup setup_;
  QueueState& state_;
  std::uint8_t* doorbell_;
  Bytes low_latency_;
  GuestWindow memory_;
  GuestRing ring_;
  std::uint32_t tail_;          // The doorbell as last read.
  std::uint32_t emptied_tail_;  // The doorbell when the last look found no whole packet.
  const char* broken_because_ = "";

  // The packet that walk() is at.
  std::uint32_t entries_ = 0;
  std::size_t slot_ = 0;
  std::size_t chain_ = 0;
  std::size_t pieces_count_ = 0;
  bool has_first_ = false;
  std::uint32_t inline_bytes_ = 0;
  std::uint64_t meta_ = 0;
  std::uint64_t meta_to_store_ = 0;
  std::array<Piece, kTransmitDescriptorsMax> pieces_;
  std::array<std::uint8_t, kLowLatencyEntryBytes> line_;
  std::array<std::uint8_t, kHeaderBytesMax> inline_header_;
};

}  // namespace enid::devices::ena
