// CompletionQueue: where the device tells the driver which packets it has sent, and which it has brought.
//
// Theory of operation
//   The device writes entry after entry; the driver sees a new one by its phase bit, which turns over
//   with each lap. So the part of an entry with the phase goes last, with release order. Whether there is
//   room nobody asks: a driver sizes the queue for all that it submits, and one that does not, loses its own
//   entries.
#pragma once

#include <cstdint>

#include "devices/ena/data_path.h"
#include "devices/ena/guest_ring.h"
#include "devices/ena/rings.h"

namespace enid::devices::ena {

class CompletionQueue {
 public:
  static constexpr std::uint16_t kTransmitEntryBytes = sizeof(TransmitCompletion);
  static constexpr std::uint16_t kReceiveEntryBytes = sizeof(ReceiveCompletion);

  // `state` outlives the queue.
  CompletionQueue(const CompletionQueueSetup& setup, QueueState& state);

  void set_memory(const pci::GuestMemory* memory) { ring_.set_memory(memory); }

  // The phase bit is put in here. False, and nothing written: the entry is not mapped.
  bool write(TransmitCompletion entry);
  bool write(ReceiveCompletion entry);
  // Whether the next `count` entries can be written.
  bool is_mapped(std::uint32_t count) const;

  const CompletionQueueSetup& setup() const { return setup_; }

 private:
  CompletionQueueSetup setup_;
  QueueState& state_;
  GuestRing ring_;
};

}  // namespace enid::devices::ena
