// TimerHeap: one instant for each of many, and who is the first. A binary heap that knows where everybody is,
// so that a timer that moves leaves nothing behind: memory is one entry for each, however often timers move.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/time.h"

namespace enid::srd {

class TimerHeap {
 public:
  // never(): no timer.
  void set(std::uint32_t who, Instant when) {
    if (who >= places_.size()) places_.resize(who + 1, kNowhere);
    std::uint32_t at = places_[who];
    if (at == kNowhere) {
      if (when == Instant::never()) return;
      at = static_cast<std::uint32_t>(heap_.size());
      heap_.push_back({when, who});
      places_[who] = at;
      rise(at);
    } else if (when == Instant::never()) {
      remove(at);
    } else {
      heap_[at].when = when;
      sink(rise(at));
    }
  }

  bool empty() const { return heap_.empty(); }
  Instant first() const { return heap_.empty() ? Instant::never() : heap_[0].when; }
  std::uint32_t who_is_first() const { return heap_[0].who; }

 private:
  static constexpr std::uint32_t kNowhere = 0xffff'ffff;
  struct Entry {
    Instant when{};
    std::uint32_t who = 0;
  };

  void exchange(std::uint32_t a, std::uint32_t b) {
    std::swap(heap_[a], heap_[b]);
    places_[heap_[a].who] = a;
    places_[heap_[b].who] = b;
  }

  std::uint32_t rise(std::uint32_t at) {
    for (; at != 0 && heap_[at].when < heap_[(at - 1) / 2].when; at = (at - 1) / 2)
      exchange(at, (at - 1) / 2);
    return at;
  }

  void sink(std::uint32_t at) {
    for (;;) {
      std::uint32_t child = 2 * at + 1;
      if (child >= heap_.size()) return;
      if (child + 1 < heap_.size() && heap_[child + 1].when < heap_[child].when) ++child;
      if (heap_[at].when <= heap_[child].when) return;
      exchange(at, child);
      at = child;
    }
  }

  void remove(std::uint32_t at) {
    const auto last = static_cast<std::uint32_t>(heap_.size() - 1);
    if (at != last) exchange(at, last);
    places_[heap_[last].who] = kNowhere;
    heap_.pop_back();
    if (at < heap_.size()) sink(rise(at));
  }

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> places_;
};

}  // namespace enid::srd
