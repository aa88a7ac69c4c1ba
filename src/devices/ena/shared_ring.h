// SharedRing: where one of the slow rings (admin commands, their answers, events) lies, as registers say.
//
// Theory of operation
//   Entries have 64 bytes. They are rare, so each is looked up in the picture of guest memory by itself, and
//   may lie in several pieces. An entry that the device writes has a phase bit in a byte of flags, which
//   the driver polls: it is written last.
//
// Invariant: is_usable() before entry_address() and phase().
#pragma once

#include <bit>
#include <cstdint>

#include "base/bytes.h"
#include "devices/ena/registers.h"
#include "pci/guest_memory.h"

namespace enid::devices::ena {

struct SharedRing {
  std::uint64_t address = 0;
  std::uint32_t capabilities = 0;  // As written: depth, entry size.

  void set_address_low(std::uint32_t low) { address = (address & ~std::uint64_t{0xffff'ffff}) | low; }
  void set_address_high(std::uint32_t high) { address = (address & 0xffff'ffff) | std::uint64_t{high} << 32; }

  std::uint16_t depth() const { return static_cast<std::uint16_t>(capabilities); }
  bool is_usable() const {
    return std::has_single_bit(depth()) && depth() <= kAdminDepthMax &&
           capabilities >> 16 == kAdminEntryBytes;
  }
  std::uint64_t entry_address(std::uint32_t index) const {
    return address + std::uint64_t{index & (depth() - 1u)} * kAdminEntryBytes;
  }
  // The phase bit that an entry of this free-running index gets: 1 in the first lap, then 0, …
  std::uint8_t phase(std::uint32_t index) const { return (index / depth() & 1) == 0 ? 1 : 0; }
};

// Writes an entry, the byte at `flags_at` last. False: not all of it is writable, and nothing was written.
bool publish_entry(const pci::GuestMemory& memory, std::uint64_t address, Bytes entry, std::size_t flags_at);

}  // namespace enid::devices::ena
