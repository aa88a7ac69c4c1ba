// FlowTable: an exact-match cache of decisions about flows.
//
// Theory of operation
//   Entries of one cache line each lie in an array of a power of two. A key's entry is within a
//   window of kWindow entries from the place its hash names, so a look-up is mostly one cache
//   line, which prefetch() fetches while other packets are worked on. It is a cache: when a
//   window is full of current entries, an insertion overwrites one of them.
//
//   forget_all() makes every entry stale by moving the generation: nothing is walked or freed.
//   A stale entry is not found any more and is the first to be overwritten.
//
// Invariants
//   (1) A window's entries are used from the front: behind a never used entry there is none. So
//       find() may stop there. Entries never become "never used" again, except all at once.
//   (2) find() answers only entries inserted since the last forget_all().
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "flow/flow_key.h"
#include "flow/zeroed_array.h"

namespace enid::flow {

template <class Value>
class FlowTable {
 public:
  struct Entry {
    FlowKey key;
    std::uint32_t generation;  // Zero: never used.
    Value value;
  };
  static constexpr std::size_t kWindow = 8;
  static constexpr std::size_t kEntryBytes = 64;

  FlowTable(std::size_t entries_min, std::uint64_t seed)
      : mask_(std::bit_ceil(std::max<std::size_t>(entries_min, 64)) - 1),
        seed_(seed),
        slots_(mask_ + kWindow) {}

  std::uint64_t hash(const FlowKey& key) const { return hash_of(key, seed_); }
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_], 0); }

  // Null when the flow is not known. Valid until the next insert().
  Entry* find(const FlowKey& key, std::uint64_t hash) {
    for (std::size_t i = hash & mask_, end = i + kWindow; i != end; ++i) {
      Entry& entry = slots_[i].entry;
      if (entry.key == key && entry.generation == generation_) return &entry;
      if (entry.generation == 0) return nullptr;
    }
    return nullptr;
  }

  // The flow's entry, for the caller to fill. May take another flow's place.
  Value& insert(const FlowKey& key, std::uint64_t hash) {
    Entry& entry = place_for(key, hash);
    if (entry.generation != generation_) ++size_;
    entry.key = key;
    entry.generation = generation_;
    entry.value = Value{};
    return entry.value;
  }

  void forget_all() {
    size_ = 0;
    if (++generation_ != 0) return;
    // Once in 4 billion changes: entries of the first generation would come back to life.
    for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i] = Slot{};
    generation_ = 1;
  }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return mask_ + 1; }

 private:
  struct alignas(kEntryBytes) Slot {
    Entry entry;
  };
  static_assert(sizeof(Slot) == kEntryBytes);

  Entry& place_for(const FlowKey& key, std::uint64_t hash) {
    const std::size_t first = hash & mask_;
    Entry* free = nullptr;
    for (std::size_t i = first; i != first + kWindow; ++i) {
      Entry& entry = slots_[i].entry;
      if (entry.key == key && entry.generation == generation_) return entry;
      if (free == nullptr && entry.generation != generation_) free = &entry;
      if (entry.generation == 0) break;
    }
    if (free != nullptr) return *free;
    return slots_[first + victim_++ % kWindow].entry;
  }

  std::size_t mask_;
  std::uint64_t seed_;
  ZeroedArray<Slot> slots_;
  std::uint32_t generation_ = 1;
  std::size_t size_ = 0;
  std::size_t victim_ = 0;
};

}  // namespace enid::flow
