#include "sim/event_queue.h"

#include <algorithm>

namespace enid::sim {
namespace {

constexpr std::size_t kChildren = 4;

__extension__ using Wide = unsigned __int128;

}  // namespace

std::uint32_t tie_of(std::uint64_t seed, Picoseconds time, std::uint32_t target) {
  // One round of multiply and fold (wyhash's mixing step) is enough to be impartial.
  const std::uint64_t left = static_cast<std::uint64_t>(time) ^ seed;
  const std::uint64_t right = (std::uint64_t{target} + 1) * 0x9E3779B97F4A7C15ULL;
  const auto product = static_cast<Wide>(left ^ 0xA0761D6478BD642FULL) * (right | 1);
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(product >> 64) ^
                                    static_cast<std::uint64_t>(product));
}

void EventQueue::push(const Event& event) {
  std::size_t hole = heap_.size();
  heap_.push_back(event);
  while (hole > 0) {
    const std::size_t parent = (hole - 1) / kChildren;
    if (!event.before(heap_[parent])) break;
    heap_[hole] = heap_[parent];
    hole = parent;
  }
  heap_[hole] = event;
}

void EventQueue::pop() {
  const Event last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sink(0, last);
}

void EventQueue::sink(std::size_t hole, const Event& event) {
  const std::size_t size = heap_.size();
  for (;;) {
    const std::size_t first = hole * kChildren + 1;
    if (first >= size) break;
    const std::size_t last = std::min(first + kChildren, size);
    std::size_t least = first;
    for (std::size_t child = first + 1; child < last; ++child) {
      if (heap_[child].before(heap_[least])) least = child;
    }
    if (!heap_[least].before(event)) break;
    heap_[hole] = heap_[least];
    hole = least;
  }
  heap_[hole] = event;
}

}  // namespace enid::sim
