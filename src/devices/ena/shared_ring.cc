#include "devices/ena/shared_ring.h"

#include <atomic>

namespace enid::devices::ena {

bool publish_entry(const pci::GuestMemory& memory, std::uint64_t address, Bytes entry, std::size_t flags_at) {
  const auto flags_place = memory.writable(address + flags_at, 1);
  if (!flags_place) return false;
  const std::uint8_t flags = entry[flags_at];
  // Until all else is there, the driver sees the phase that it does not wait for.
  entry[flags_at] = flags ^ 1;
  const bool is_written = memory.write(address, entry);
  entry[flags_at] = flags;
  if (!is_written) return false;
  std::atomic_ref(flags_place->front()).store(flags, std::memory_order_release);
  return true;
}

}  // namespace enid::devices::ena
