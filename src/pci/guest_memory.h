// GuestMemory: the guest's addresses, as bytes of this process.
//
// Theory of operation
//   The client of a device tells which ranges of (IO virtual) addresses are backed by which part of
//   which file. A GuestMemory is an immutable picture of all ranges at one moment; a change makes a new
//   one, and whoever polls a queue swaps to it between two batches (PciDevice::set_memory). With
//   a virtual IOMMU a range is a page, so a buffer may lie in several pieces.
//
// Invariants
//   (1) Ranges do not overlap; none wraps around.
//   (2) Nothing outside a range, or of a range without bytes, is ever touched: such an access is refused
//   whole. (3) Bytes of guest memory may change at any moment under the reader: read each once, then judge
//   the copy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "pci/descriptor.h"

namespace enid::pci {

struct MemoryRange {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  bool readable = false;
  bool writable = false;
  std::uint8_t* bytes = nullptr;        // Null: known, but not accessible (a ROM, a neighbour's BAR).
  std::shared_ptr<SharedMemory> owner;  // Keeps `bytes` mapped.
};

class GuestMemory {
 public:
  GuestMemory() = default;
  // `ranges` keep invariant (1); in any order.
  explicit GuestMemory(std::vector<MemoryRange> ranges);

  // The bytes at `address`, when they lie in one piece. Empty optional: not accessible so, or in pieces.
  std::optional<Bytes> writable(std::uint64_t address, std::uint64_t size) const;
  std::optional<ConstBytes> readable(std::uint64_t address, std::uint64_t size) const;

  // Piece by piece; false, and nothing touched, when a part is not accessible.
  bool read(std::uint64_t address, Bytes into) const;
  bool write(std::uint64_t address, ConstBytes from) const;

  const std::vector<MemoryRange>& ranges() const { return ranges_; }
  // The range that `address` lies in, if it has bytes; else null.
  const MemoryRange* find(std::uint64_t address) const;

 private:
  template <class Use>
  bool for_each_piece(std::uint64_t address, std::uint64_t size, bool MemoryRange::* access,
                      const Use& use) const;

  std::vector<MemoryRange> ranges_;  // By address.
};

}  // namespace enid::pci
