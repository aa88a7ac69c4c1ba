// FlowTable: an exact-match cache of decisions about flows.
//
// Theory of operation
//   Entries of one cache line each lie in an array of a power of two. A key's entry is within a
//   window of kWindow entries from the place its hash names, so a look-up is mostly one cache
//   line, which prefetch() fetches while other packets are worked on. It is a cache: when a
//   window is full of current entries, an insertion overwrites one of them.
//
//   The array begins small and grows fourfold whenever it is half full, up to the table's limit: few flows
//   then lie on few pages, and their addresses are translated without a walk through page tables, which
//   costs more than the cache line (10,000 flows over 32 MB: a sixth of a packet's whole way through the
//   card). Growing is spread over the insertions that follow: each moves kMovedAtOnce entries of the array
//   before, which is asked, too, until it is empty.
//
//   forget_all() makes every entry stale by moving the generation: nothing is walked or freed.
//   A stale entry is not found any more and is the first to be overwritten.
//
// Invariants
//   (1) A window's entries are used from the front: behind a never used entry there is none. So
//       find() may stop there. Entries never become "never used" again, except all at once.
//   (2) find() answers only entries inserted since the last forget_all().
//   (3) A key has at most one current entry, in one of the two arrays.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <utility>

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
  static constexpr std::size_t kEntriesAtFirst = 4096;
  static constexpr std::size_t kMovedAtOnce = 16;

  // The limit is rounded up to a power of two.
  FlowTable(std::size_t entries_limit, std::uint64_t seed)
      : limit_(std::bit_ceil(std::max<std::size_t>(entries_limit, 64))),
        seed_(seed),
        now_(std::min(limit_, kEntriesAtFirst)) {}

  std::uint64_t hash(const FlowKey& key) const { return hash_of(key, seed_); }
  void prefetch(std::uint64_t hash) const {
    __builtin_prefetch(&now_.slots[hash & now_.mask], 0);
    if (before_) __builtin_prefetch(&before_->slots[hash & before_->mask], 0);
  }

  // Null when the flow is not known. Valid until the next insert() or forget_all().
  Entry* find(const FlowKey& key, std::uint64_t hash) {
    Entry* const entry = find_in(now_, key, hash);
    if (entry != nullptr || !before_) [[likely]]
      return entry;
    return find_in(*before_, key, hash);
  }

  // The flow's entry, for the caller to fill. May take another flow's place.
  Value& insert(const FlowKey& key, std::uint64_t hash) {
    if (before_) {
      move_some();
    } else if (size_ > capacity() / 2 && capacity() < limit_) {
      before_ = std::exchange(now_, Array(std::min(limit_, capacity() * 4)));
      moved_ = 0;
    }
    if (Entry* const moves = before_ ? find_in(*before_, key, hash) : nullptr; moves != nullptr) {
      moves->generation = kStale;
      --size_;
    }
    Entry& entry = place_for(key, hash);
    if (entry.generation != generation_) ++size_;
    entry.key = key;
    entry.generation = generation_;
    entry.value = Value{};
    return entry.value;
  }

  void forget_all() {
    size_ = 0;
    before_.reset();
    if (++generation_ != 0) return;
    // Once in 4 billion changes: entries of the first generation would come back to life.
    for (std::size_t i = 0; i < now_.slots.size(); ++i) now_.slots[i] = Slot{};
    generation_ = kStale + 1;
  }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return now_.mask + 1; }

 private:
  struct alignas(kEntryBytes) Slot {
    Entry entry;
  };
  static_assert(sizeof(Slot) == kEntryBytes);
  struct Array {
    explicit Array(std::size_t entries) : mask(entries - 1), slots(mask + kWindow) {}
    std::size_t mask;
    ZeroedArray<Slot> slots;
  };
  static constexpr std::uint32_t kStale = 1;  // A generation that never is the present one.

  Entry* find_in(Array& array, const FlowKey& key, std::uint64_t hash) {
    for (std::size_t i = hash & array.mask, end = i + kWindow; i != end; ++i) {
      Entry& entry = array.slots[i].entry;
      if (entry.key == key && entry.generation == generation_) return &entry;
      if (entry.generation == 0) return nullptr;
    }
    return nullptr;
  }

  Entry& place_for(const FlowKey& key, std::uint64_t hash) {
    const std::size_t first = hash & now_.mask;
    Entry* free = nullptr;
    for (std::size_t i = first; i != first + kWindow; ++i) {
      Entry& entry = now_.slots[i].entry;
      if (entry.key == key && entry.generation == generation_) return entry;
      if (free == nullptr && entry.generation != generation_) free = &entry;
      if (entry.generation == 0) break;
    }
    if (free != nullptr) return *free;
    return now_.slots[first + victim_++ % kWindow].entry;
  }

  void move_some() {
    for (std::size_t i = 0; i < kMovedAtOnce && moved_ != before_->slots.size(); ++i) {
      Entry& moves = before_->slots[moved_++].entry;
      if (moves.generation != generation_) continue;
      Entry& entry = place_for(moves.key, hash(moves.key));
      if (entry.generation == generation_) --size_;  // Another flow's, which is forgotten.
      entry = moves;
      moves.generation = kStale;
    }
    if (moved_ == before_->slots.size()) before_.reset();
  }

  std::size_t limit_;
  std::uint64_t seed_;
  Array now_;
  std::optional<Array> before_;  // While the table grows.
  std::size_t moved_ = 0;        // Slots of `before_` that need not be looked at any more.
  std::uint32_t generation_ = kStale + 1;
  std::size_t size_ = 0;
  std::size_t victim_ = 0;
};

}  // namespace enid::flow
