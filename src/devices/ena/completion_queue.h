// CompletionQueue: where the device tells the driver which packets it has sent, and which it has brought.
//
// Theory of operation
//   The device writes entry after entry; the driver sees a new one by its phase bit, which turns over
//   with each lap. So the part of an entry with the phase goes last, with release order. Whether there is
//   room nobody asks: a driver sizes the queue for all that it submits, and one that does not, loses its own
//   entries.
#pragma once

#include <atomic>
#include <bit>
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
  CompletionQueue(const CompletionQueueSetup& setup, QueueState& state)
      : setup_(setup), state_(state), ring_(setup.address, setup.depth, setup.entry_bytes, true) {}

  void set_memory(const pci::GuestMemory* memory) { ring_.set_memory(memory); }

  // The phase bit is put in here. False, and nothing written: the entry is not mapped.
  bool write(TransmitCompletion entry);
  bool write(ReceiveCompletion entry);
  // Whether the next `count` entries can be written.
  bool is_mapped(std::uint32_t count) const;

  const CompletionQueueSetup& setup() const { return setup_; }

 private:
  static std::atomic_ref<std::uint64_t> word_at(std::uint8_t* at) {
    return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at));
  }

  CompletionQueueSetup setup_;
  QueueState& state_;
  GuestRing ring_;
};

inline bool CompletionQueue::write(TransmitCompletion entry) {
  std::uint8_t* const at = ring_.at(state_.consumed);
  if (at == nullptr) return false;
  entry.flags = ring_.phase(state_.consumed) ? 1 : 0;
  word_at(at).store(std::bit_cast<std::uint64_t>(entry), std::memory_order_release);
  ++state_.consumed;
  return true;
}

inline bool CompletionQueue::write(ReceiveCompletion entry) {
  std::uint8_t* const at = ring_.at(state_.consumed);
  if (at == nullptr) return false;
  if (ring_.phase(state_.consumed)) entry.status |= receive_status::kPhase;
  struct Halves {
    std::uint64_t with_status, other;
  };
  const auto halves = std::bit_cast<Halves>(entry);
  word_at(at + sizeof(std::uint64_t)).store(halves.other, std::memory_order_relaxed);
  word_at(at).store(halves.with_status, std::memory_order_release);
  ++state_.consumed;
  return true;
}

inline bool CompletionQueue::is_mapped(std::uint32_t count) const {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (ring_.at(state_.consumed + i) == nullptr) return false;
  }
  return true;
}

}  // namespace enid::devices::ena
