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

// Walks the pieces twice: the first time only to see that all are there.
template <class Use>
bool GuestMemory::for_each_piece(std::uint64_t address, std::uint64_t size, bool MemoryRange::* access,
                                 const Use& use) const {
  if (size > 0 && address + (size - 1) < address) return false;
  for (const bool is_use : {false, true}) {
    for (std::uint64_t done = 0; done < size;) {
      const MemoryRange* range = find(address + done);
      if (range == nullptr || !(range->*access)) return false;
      const std::uint64_t at = address + done - range->address;
      const std::uint64_t length = std::min(size - done, range->size - at);
      if (is_use) use(done, range->bytes + at, length);
      done += length;
    }
  }
  return true;
}

bool GuestMemory::read(std::uint64_t address, Bytes into) const {
  return for_each_piece(address, into.size(), &MemoryRange::readable,
                        [&](std::uint64_t at, const std::uint8_t* bytes, std::uint64_t length) {
                          std::memcpy(into.data() + at, bytes, length);
                        });
}

bool GuestMemory::write(std::uint64_t address, ConstBytes from) const {
  return for_each_piece(address, from.size(), &MemoryRange::writable,
                        [&](std::uint64_t at, std::uint8_t* bytes, std::uint64_t length) {
                          std::memcpy(bytes, from.data() + at, length);
                        });
}

}  // namespace enid::pci
