#include "devices/ena/completion_queue.h"

#include <atomic>
#include <bit>

namespace enid::devices::ena {
namespace {

std::atomic_ref<std::uint64_t> word_at(std::uint8_t* at) {
  return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at));
}

}  // namespace

CompletionQueue::CompletionQueue(const CompletionQueueSetup& setup, QueueState& state)
    : setup_(setup), state_(state), ring_(setup.address, setup.depth, setup.entry_bytes, true) {}

bool CompletionQueue::write(TransmitCompletion entry) {
  std::uint8_t* const at = ring_.at(state_.consumed);
  if (at == nullptr) return false;
  entry.flags = ring_.phase(state_.consumed) ? 1 : 0;
  word_at(at).store(std::bit_cast<std::uint64_t>(entry), std::memory_order_release);
  ++state_.consumed;
  return true;
}

bool CompletionQueue::write(ReceiveCompletion entry) {
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

bool CompletionQueue::is_mapped(std::uint32_t count) const {
  for (std::uint32_t i = 0; i < count; ++i) {
    if (ring_.at(state_.consumed + i) == nullptr) return false;
  }
  return true;
}

}  // namespace enid::devices::ena
