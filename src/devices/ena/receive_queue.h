// ReceiveQueue: brings frames into the buffers that the guest has posted.
//
// Theory of operation
//   The driver posts buffers as descriptors and writes the free-running tail into the doorbell word. A frame
//   takes as many of them as its bytes need, and gets one completion for each; the last one carries
//   what the driver asks about checksums. A frame that finds too few buffers leaves no trace in the ring.
//
// Invariants
//   (1) No frame takes more than kReceiveDescriptorsMax buffers.
//   (2) Nothing is written before all of the frame's descriptors were judged. (3) After kBroken the queue
//       is not asked again.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "devices/ena/completion_queue.h"
#include "devices/ena/data_path.h"
#include "devices/ena/guest_ring.h"
#include "devices/ena/guest_window.h"
#include "devices/ena/rings.h"

namespace enid::devices::ena {

class ReceiveQueue {
 public:
  enum class Outcome : std::uint8_t { kPut, kNoBuffers, kBroken };

  struct Arrival {
    std::span<const ConstBytes> parts;  // The frame, one after the other.
    std::uint32_t status = 0;           // Without phase, first, last.
    std::uint32_t hash = 0;
  };

  // All outlive the queue.
  ReceiveQueue(const SubmissionQueueSetup& setup, QueueState& state, std::uint8_t* doorbell);

  void set_memory(const pci::GuestMemory* memory);
  Outcome put(const Arrival& arrival, CompletionQueue& completions);
  // So many frames are about to come: fetches where the first ones go.
  void prefetch(std::size_t frames) const;

  const SubmissionQueueSetup& setup() const { return setup_; }
  const char* broken_because() const { return broken_because_; }

 private:
  struct Buffer {
    std::uint64_t address = 0;
    std::uint32_t room = 0;
    std::uint16_t request_id = 0;
  };

  inline Outcome take_buffers(std::size_t bytes);
  bool fill(std::span<const ConstBytes> parts);
  inline bool complete(const Arrival& arrival, std::size_t bytes, CompletionQueue& completions);
  Outcome broken(const char* because);

  SubmissionQueueSetup setup_;
  QueueState& state_;
  std::uint8_t* doorbell_;
  GuestWindow memory_;
  GuestRing ring_;
  std::uint32_t available_ = 0;  // As of the last look at the doorbell.
  const char* broken_because_ = "";

  std::size_t count_ = 0;
  std::array<Buffer, kReceiveDescriptorsMax> buffers_;
};

}  // namespace enid::devices::ena
