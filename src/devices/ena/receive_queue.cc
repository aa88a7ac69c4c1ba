#include "devices/ena/receive_queue.h"

#include <algorithm>
#include <cstring>

namespace enid::devices::ena {

ReceiveQueue::ReceiveQueue(const SubmissionQueueSetup& setup, QueueState& state, std::uint8_t* doorbell)
    : setup_(setup),
      state_(state),
      doorbell_(doorbell),
      ring_(setup.address, setup.depth, kDescriptorBytes, false) {}

void ReceiveQueue::set_memory(const pci::GuestMemory* memory) {
  memory_.set_memory(memory);
  ring_.set_memory(memory);
}

ReceiveQueue::Outcome ReceiveQueue::broken(const char* because) {
  broken_because_ = because;
  return Outcome::kBroken;
}

inline ReceiveQueue::Outcome ReceiveQueue::take_buffers(std::size_t bytes) {
  count_ = 0;
  for (std::size_t room = 0; room < bytes;) {
    if (count_ == buffers_.size()) return Outcome::kNoBuffers;
    if (count_ == available_) {
      available_ = (load_shared_word(doorbell_) - state_.consumed) & 0xffff;
      if (available_ > setup_.depth) return broken("a receive doorbell is further than the ring is deep");
      if (count_ >= available_) return Outcome::kNoBuffers;
    }
    const std::uint8_t* const at = ring_.at(state_.consumed + static_cast<std::uint32_t>(count_));
    if (at == nullptr) return broken("a receive ring is not in memory");
    ReceiveDescriptor descriptor;
    std::memcpy(&descriptor, at, sizeof descriptor);
    if (descriptor.request_id >= setup_.depth) return broken("a receive request id is out of range");
    buffers_[count_++] = {descriptor.address(), descriptor.bytes(), descriptor.request_id};
    room += descriptor.bytes();
  }
  return Outcome::kPut;
}

bool ReceiveQueue::fill(std::span<const ConstBytes> parts) {
  if (parts.size() == 1 && count_ == 1) return memory_.write(buffers_[0].address, parts[0]);
  std::size_t at = 0;
  std::uint32_t used = 0;
  for (ConstBytes part : parts) {
    while (!part.empty()) {
      if (used == buffers_[at].room) {
        ++at;
        used = 0;
      }
      const std::size_t now = std::min<std::size_t>(part.size(), buffers_[at].room - used);
      if (!memory_.write(buffers_[at].address + used, part.first(now))) return false;
      used += static_cast<std::uint32_t>(now);
      part = part.subspan(now);
    }
  }
  return true;
}

inline bool ReceiveQueue::complete(const Arrival& arrival, std::size_t bytes, CompletionQueue& completions) {
  for (std::size_t i = 0; i < count_; ++i) {
    const std::size_t length = std::min<std::size_t>(bytes, buffers_[i].room);
    bytes -= length;
    ReceiveCompletion entry;
    entry.status = arrival.status | receive_status::kBuffer;
    if (i == 0) entry.status |= receive_status::kFirst;
    if (i + 1 == count_) entry.status |= receive_status::kLast;
    entry.length = static_cast<std::uint16_t>(length);
    entry.request_id = buffers_[i].request_id;
    entry.hash = arrival.hash;
    entry.queue = setup_.index;
    if (!completions.write(entry)) return false;
  }
  return true;
}

ReceiveQueue::Outcome ReceiveQueue::put(const Arrival& arrival, CompletionQueue& completions) {
  std::size_t bytes = 0;
  for (const ConstBytes part : arrival.parts) bytes += part.size();
  const Outcome outcome = take_buffers(bytes);
  if (outcome != Outcome::kPut) return outcome;
  const auto count = static_cast<std::uint32_t>(count_);
  if (!completions.is_mapped(count)) return broken("a completion ring is not in memory");
  if (!fill(arrival.parts)) return broken("a receive buffer is not in memory");
  if (!complete(arrival, bytes, completions)) return broken("a completion ring is not in memory");
  state_.consumed += count;
  available_ -= count;
  return Outcome::kPut;
}

// Only looked at: what the descriptors say is judged when their turns come.
void ReceiveQueue::prefetch(std::size_t frames) const {
  const std::size_t count = std::min<std::size_t>(frames, available_);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint8_t* const at = ring_.at(state_.consumed + i);
    if (at == nullptr) return;
    ReceiveDescriptor descriptor;
    std::memcpy(&descriptor, at, sizeof descriptor);
    memory_.prefetch_for_write(descriptor.address());
  }
}

}  // namespace enid::devices::ena
