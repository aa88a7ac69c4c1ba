#include "devices/ena/transmit_queue.h"

#include <algorithm>
#include <cstring>

namespace enid::devices::ena {

TransmitQueue::TransmitQueue(const SubmissionQueueSetup& setup, QueueState& state, std::uint8_t* doorbell,
                             Bytes entries)
    : setup_(setup),
      state_(state),
      doorbell_(doorbell),
      low_latency_(entries),
      ring_(setup.address, setup.depth, kDescriptorBytes, false),
      tail_(state.consumed & 0xffff),
      emptied_tail_(tail_) {}

void TransmitQueue::set_memory(const pci::GuestMemory* memory) {
  memory_.set_memory(memory);
  ring_.set_memory(memory);
}

TransmitQueue::Step TransmitQueue::broken(const char* because) {
  broken_because_ = because;
  return Step::kBroken;
}

inline TransmitQueue::Step TransmitQueue::read_descriptor(std::uint32_t available,
                                                          TransmitDescriptor& descriptor) {
  if (setup_.placement == Placement::kHost) {
    if (entries_ == available) return Step::kIncomplete;
    const std::uint8_t* const at = ring_.at(state_.consumed + entries_);
    if (at == nullptr) return broken("a transmit ring is not in memory");
    std::memcpy(&descriptor, at, sizeof descriptor);
    ++entries_;
    return Step::kNext;
  }
  const std::size_t slots = entries_ <= 1 ? kLowLatencyDescriptorsFirst : kLowLatencyDescriptors;
  if (entries_ == 0 || slot_ == slots) {
    const Step step = read_line(available);
    if (step != Step::kNext) return step;
  }
  std::memcpy(&descriptor, line_.data() + slot_ * kDescriptorBytes, sizeof descriptor);
  ++slot_;
  return Step::kNext;
}

TransmitQueue::Step TransmitQueue::read_line(std::uint32_t available) {
  if (entries_ == available) return Step::kIncomplete;
  const std::size_t offset =
      std::size_t{(state_.consumed + entries_) & (setup_.depth - 1u)} * kLowLatencyEntryBytes;
  if (offset + kLowLatencyEntryBytes > low_latency_.size()) return broken("a low-latency ring has no memory");
  std::memcpy(line_.data(), low_latency_.data() + offset, kLowLatencyEntryBytes);
  if (entries_ == 0) {
    std::memcpy(inline_header_.data(), line_.data() + kLowLatencyHeaderAt, kHeaderBytesMax);
  }
  ++entries_;
  slot_ = 0;
  return Step::kNext;
}

inline void TransmitQueue::accept_meta(const TransmitDescriptor& descriptor) {
  meta_ = pack_meta(descriptor);
  if (descriptor.stores_meta()) meta_to_store_ = meta_;
}

inline TransmitQueue::Step TransmitQueue::accept(const TransmitDescriptor& descriptor,
                                                 TransmitPacket& packet) {
  if (!has_first_) {
    has_first_ = true;
    packet.request_id = descriptor.request_id();
    packet.notes = read_notes(descriptor, meta_);
    if (setup_.placement == Placement::kLowLatency) {
      inline_bytes_ = descriptor.header_length();
      if (inline_bytes_ > kHeaderBytesMax) return broken("a pushed header is longer than its room");
      packet.bytes = inline_bytes_;
    }
  }
  if (descriptor.length() == 0) {
    // Only a packet that was pushed as a whole needs no buffer.
    if (pieces_count_ > 0 || inline_bytes_ == 0) return broken("a transmit descriptor of no bytes");
  } else {
    if (pieces_count_ == pieces_.size()) return broken("a packet of too many descriptors");
    pieces_[pieces_count_++] = {descriptor.address(), descriptor.length()};
    packet.bytes += descriptor.length();
  }
  return descriptor.is_last() ? Step::kEnd : Step::kNext;
}

inline bool TransmitQueue::copy(Bytes room) {
  std::size_t done = inline_bytes_;
  if (inline_bytes_ != 0) std::memcpy(room.data(), inline_header_.data(), inline_bytes_);
  for (std::size_t i = 0; i < pieces_count_; ++i) {
    const Piece& piece = pieces_[i];
    if (!memory_.read(piece.address, room.subspan(done, piece.bytes))) return false;
    done += piece.bytes;
  }
  return true;
}

inline TransmitQueue::Step TransmitQueue::walk(std::uint32_t available, TransmitPacket& packet) {
  entries_ = 0;
  slot_ = 0;
  chain_ = 0;
  pieces_count_ = 0;
  has_first_ = false;
  inline_bytes_ = 0;
  meta_ = meta_to_store_ = state_.remembered;
  for (;;) {
    TransmitDescriptor descriptor;
    Step step = read_descriptor(available, descriptor);
    if (step != Step::kNext) return step;
    if (++chain_ > kChainMax) return broken("a packet of too many descriptors");
    if (descriptor.is_meta()) {
      if (has_first_) return broken("a meta descriptor in the middle of a packet");
      accept_meta(descriptor);
      continue;
    }
    step = accept(descriptor, packet);
    if (step != Step::kNext) return step;
  }
}

// The doorbell is a cache line that another processor writes, so it is read only when what was known of it
// is used up.
inline TransmitQueue::Step TransmitQueue::look(TransmitPacket& packet) {
  for (bool is_fresh = false;; is_fresh = true) {
    if (is_fresh) tail_ = load_shared_word(doorbell_) & 0xffff;
    const std::uint32_t available = (tail_ - state_.consumed) & 0xffff;
    if (available > setup_.depth) return broken("a transmit doorbell is further than the ring is deep");
    packet = {};
    const Step end = available == 0 ? Step::kIncomplete : walk(available, packet);
    if (end != Step::kIncomplete || is_fresh) return end;
  }
}

// The descriptor is only looked at: what it says is judged when its turn comes.
inline void TransmitQueue::prefetch() const {
  constexpr std::uint32_t kAhead = 8;
  if (setup_.placement != Placement::kHost || ((tail_ - state_.consumed) & 0xffff) <= kAhead) return;
  const std::uint8_t* const at = ring_.at(state_.consumed + kAhead);
  if (at == nullptr) return;
  TransmitDescriptor descriptor;
  std::memcpy(&descriptor, at, sizeof descriptor);
  memory_.prefetch_for_read(descriptor.address());
}

TransmitQueue::Outcome TransmitQueue::take(Bytes room, TransmitPacket& packet) {
  const Step end = look(packet);
  prefetch();
  if (end == Step::kBroken) return Outcome::kBroken;
  if (end == Step::kIncomplete) {
    emptied_tail_ = tail_;
    return Outcome::kEmpty;
  }
  const bool is_too_long = packet.bytes > kFrameBytesMax;
  if (!is_too_long) {
    if (packet.bytes > room.size()) return Outcome::kNoRoom;
    if (!copy(room)) {
      broken("a transmit buffer is not in memory");
      return Outcome::kBroken;
    }
  }
  state_.consumed += entries_;
  state_.remembered = meta_to_store_;
  packet.head = static_cast<std::uint16_t>(state_.consumed);
  return is_too_long ? Outcome::kTooLong : Outcome::kTaken;
}

}  // namespace enid::devices::ena
