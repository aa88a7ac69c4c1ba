#include "devices/ena/guest_ring.h"

namespace enid::devices::ena {

GuestRing::GuestRing(std::uint64_t address, std::uint32_t depth, std::uint32_t entry_bytes, bool is_written)
    : address_(address), depth_(depth), entry_bytes_(entry_bytes), is_written_(is_written) {}

void GuestRing::set_memory(const pci::GuestMemory* memory) {
  memory_ = memory;
  whole_ = nullptr;
  if (memory == nullptr || address_ % entry_bytes_ != 0) return;
  const std::uint64_t bytes = std::uint64_t{depth_} * entry_bytes_;
  std::uint8_t* found = nullptr;
  if (is_written_) {
    if (const auto piece = memory->writable(address_, bytes)) found = piece->data();
  } else if (const auto piece = memory->readable(address_, bytes)) {
    found = const_cast<std::uint8_t*>(piece->data());
  }
  if (reinterpret_cast<std::uintptr_t>(found) % entry_bytes_ == 0) whole_ = found;
}

std::uint8_t* GuestRing::look_up(std::uint64_t address) const {
  if (memory_ == nullptr || address_ % entry_bytes_ != 0 || address < address_) return nullptr;
  std::uint8_t* found = nullptr;
  if (is_written_) {
    if (const auto piece = memory_->writable(address, entry_bytes_)) found = piece->data();
  } else if (const auto piece = memory_->readable(address, entry_bytes_)) {
    found = const_cast<std::uint8_t*>(piece->data());
  }
  return reinterpret_cast<std::uintptr_t>(found) % entry_bytes_ == 0 ? found : nullptr;
}

}  // namespace enid::devices::ena
