// ZeroedArray: a large array on cache-line boundaries, zero at first, whose pages cost memory
// only when they are touched. For the tables whose size is a limit rather than an expectation.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <type_traits>

#include "base/check.h"

namespace enid::flow {

template <class T>
class ZeroedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  static constexpr std::size_t kCacheLineBytes = 64;

  explicit ZeroedArray(std::size_t size)
      // calloc and not new: it takes fresh zero pages from the system without touching them.
      : memory_(std::calloc(size * sizeof(T) + kCacheLineBytes, 1)), size_(size) {
    CHECK(memory_ != nullptr);
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    const std::uintptr_t aligned = (address + kCacheLineBytes - 1) & ~(kCacheLineBytes - 1);
    items_ = reinterpret_cast<T*>(aligned);
  }

  T& operator[](std::size_t i) { return items_[i]; }
  const T& operator[](std::size_t i) const { return items_[i]; }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> memory_;
  std::size_t size_;
  T* items_;
};

}  // namespace enid::flow
