// GuestRing: where the entries of one ring lie, in memory that the guest owns.
//
// Theory of operation
//   A ring is usually one piece of this process's memory, found once per picture of the guest's memory
//   (GuestMemory). Behind a virtual IOMMU it may be several; then each entry is looked up by itself.
//   Ring and pointers are aligned to the entry's size, so an entry is never cut by a page's end.
//
// Invariants
//   (1) at() answers memory of the current picture that holds one whole entry, or null.
//   (2) Words of an entry are read once: what is judged is a copy.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>

#include "pci/guest_memory.h"

namespace enid::devices::ena {

class GuestRing {
 public:
  GuestRing() = default;
  // `depth` is a power of two. `is_written`: the device writes its entries.
  GuestRing(std::uint64_t address, std::uint32_t depth, std::uint32_t entry_bytes, bool is_written);

  // The picture outlives its use here: the next one is set before this one goes.
  void set_memory(const pci::GuestMemory* memory);

  // The entry of a free-running index, or null: not mapped so, or not aligned.
  std::uint8_t* at(std::uint32_t index) const {
    const std::uint64_t offset = std::uint64_t{index & (depth_ - 1)} * entry_bytes_;
    return whole_ != nullptr ? whole_ + offset : look_up(address_ + offset);
  }
  std::uint32_t depth() const { return depth_; }
  // The phase bit of entries that the device writes at this index: 1 in the first lap, then 0, …
  bool phase(std::uint32_t index) const { return (index & depth_) == 0; }

 private:
  std::uint8_t* look_up(std::uint64_t address) const;

  const pci::GuestMemory* memory_ = nullptr;
  std::uint8_t* whole_ = nullptr;
  std::uint64_t address_ = 0;
  std::uint32_t depth_ = 1;
  std::uint32_t entry_bytes_ = 16;
  bool is_written_ = false;
};

// Reads a word that the guest may write at any moment; what the guest wrote before it is seen after.
inline std::uint32_t load_shared_word(std::uint8_t* at) {
  return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(at)).load(std::memory_order_acquire);
}
inline void store_shared_word(std::uint8_t* at, std::uint32_t value) {
  std::atomic_ref(*reinterpret_cast<std::uint32_t*>(at)).store(value, std::memory_order_release);
}

}  // namespace enid::devices::ena
