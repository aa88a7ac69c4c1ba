// GrowingRing: a queue in one array that doubles up to a bound and can be given back when empty.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace enid::srd {

template <class T>
class GrowingRing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr std::uint32_t kFirstCapacity = 32;

  // A power of two, at least kFirstCapacity.
  explicit GrowingRing(std::uint32_t bound) : bound_(bound) {}

  std::uint32_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  T& front() { return items_[begin_ & (capacity_ - 1)]; }
  void pop() { ++begin_; }
  // False: the bound is reached.
  bool push(const T& item) {
    if (size() == capacity_ && !grow()) return false;
    items_[end_++ & (capacity_ - 1)] = item;
    return true;
  }
  // Gives the memory back. Only when empty.
  void release() {
    items_.reset();
    capacity_ = 0;
  }
  std::size_t bytes() const { return capacity_ * sizeof(T); }

 private:
  bool grow() {
    const std::uint32_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
    if (capacity > bound_) return false;
    auto items = std::make_unique_for_overwrite<T[]>(capacity);
    for (std::uint32_t i = begin_; i != end_; ++i) items[i & (capacity - 1)] = items_[i & (capacity_ - 1)];
    items_ = std::move(items);
    capacity_ = capacity;
    return true;
  }

  std::unique_ptr<T[]> items_;
  std::uint32_t capacity_ = 0;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t bound_;
};

}  // namespace enid::srd
