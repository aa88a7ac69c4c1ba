#include "pci/guest_memory.h"

#include <algorithm>
#include <cstring>

namespace enid::pci {
namespace {

bool contains(const MemoryRange& range, std::uint64_t address) {
  return address >= range.address && address - range.address < range.size;
}

}  // namespace

GuestMemory::GuestMemory(std::vector<MemoryRange> ranges) : ranges_(std::move(ranges)) {
  std::ranges::sort(ranges_, {}, &MemoryRange::address);
}

const MemoryRange* GuestMemory::find(std::uint64_t address) const {
  auto after = std::ranges::upper_bound(ranges_, address, {}, &MemoryRange::address);
  if (after == ranges_.begin()) return nullptr;
  const MemoryRange& range = *--after;
  return contains(range, address) && range.bytes != nullptr ? &range : nullptr;
}

std::optional<Bytes> GuestMemory::writable(std::uint64_t address, std::uint64_t size) const {
  const MemoryRange* range = find(address);
  if (range == nullptr || !range->writable) return std::nullopt;
  const std::uint64_t at = address - range->address;
  if (size > range->size - at) return std::nullopt;
  return Bytes(range->bytes + at, size);
}

std::optional<ConstBytes> GuestMemory::readable(std::uint64_t address, std::uint64_t size) const {
  const MemoryRange* range = find(address);
  if (range == nullptr || !range->readable) return std::nullopt;
  const std::uint64_t at = address - range->address;
  if (size > range->size - at) return std::nullopt;
  return ConstBytes(range->bytes + at, size);
}

namespace {

// Walks the pieces of [address, address + size) twice: the first time only to see that all are there.
template <class Piece, class Use>
bool for_each_piece(std::uint64_t address, std::uint64_t size, const Piece& piece_at, const Use& use) {
  if (size > 0 && address + (size - 1) < address) return false;
  for (const bool is_use : {false, true}) {
    for (std::uint64_t done = 0; done < size;) {
      const auto [bytes, length] = piece_at(address + done, size - done);
      if (bytes == nullptr) return false;
      if (is_use) use(done, bytes, length);
      done += length;
    }
  }
  return true;
}

struct Piece {
  std::uint8_t* bytes;
  std::uint64_t length;
};

}  // namespace

bool GuestMemory::read(std::uint64_t address, Bytes into) const {
  const auto piece_at = [this](std::uint64_t at, std::uint64_t left) -> Piece {
    const MemoryRange* range = find(at);
    if (range == nullptr || !range->readable) return {nullptr, 0};
    return {range->bytes + (at - range->address), std::min(left, range->size - (at - range->address))};
  };
  return for_each_piece(address, into.size(), piece_at,
                        [&](std::uint64_t at, const std::uint8_t* bytes, std::uint64_t length) {
                          std::memcpy(into.data() + at, bytes, length);
                        });
}

bool GuestMemory::write(std::uint64_t address, ConstBytes from) const {
  const auto piece_at = [this](std::uint64_t at, std::uint64_t left) -> Piece {
    const MemoryRange* range = find(at);
    if (range == nullptr || !range->writable) return {nullptr, 0};
    return {range->bytes + (at - range->address), std::min(left, range->size - (at - range->address))};
  };
  return for_each_piece(address, from.size(), piece_at,
                        [&](std::uint64_t at, std::uint8_t* bytes, std::uint64_t length) {
                          std::memcpy(bytes, from.data() + at, length);
                        });
}

}  // namespace enid::pci
