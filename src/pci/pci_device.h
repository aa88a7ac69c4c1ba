// PciDevice: a device model as the vfio-user server drives it.
//
// Theory of operation
//   The server (pci/vfio_user) owns configuration space, regions, the DMA table and the interrupt
//   table; the device says what it is (PciDescription) and answers accesses to the registers that are not
//   mapped into the guest. All calls come on one thread, the message thread.
//
// Invariants
//   (1) When set_memory() returns, nothing of the device uses the picture before it any more: its mappings
//       may go. So it is with set_interrupt() and the interrupt before.
//   (2) A device raises interrupts only through what set_interrupt() gave; while a vector has
//       none, a notification is remembered and raised as soon as there is one (guests switch the
//       whole table off and on each time they take one more vector).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "pci/descriptor.h"
#include "pci/guest_memory.h"

namespace enid::pci {

// A part of a BAR that the guest maps, so that its accesses are stores to shared memory.
struct MappedArea {
  std::uint64_t offset = 0;  // Both multiples of 4096.
  std::uint64_t size = 0;
  std::shared_ptr<Descriptor> file;
  std::uint64_t file_offset = 0;
};

struct Bar {
  std::uint8_t index = 0;
  std::uint64_t size = 0;  // A power of two, at least 4096.
  bool is_prefetchable = false;
  // The server asks for one file per BAR: all areas of a BAR are of the same one, and file_offset is
  // what the area's offset adds to.
  std::vector<MappedArea> mapped;
};

struct PciDescription {
  std::uint16_t vendor = 0;
  std::uint16_t device = 0;
  std::uint16_t subsystem_vendor = 0;
  std::uint16_t subsystem_device = 0;
  std::uint8_t revision = 0;
  std::uint32_t class_code = 0;  // 0x020000: Ethernet.
  std::vector<Bar> bars;
  std::uint16_t vectors = 0;     // MSI-X; 0: none.
  std::uint8_t msix_bar = 0;     // Of `bars`, or one of its own.
  std::uint32_t msix_table = 0;  // Offsets in that BAR.
  std::uint32_t msix_pending = 0;
};

class PciDevice {
 public:
  virtual ~PciDevice() = default;

  virtual const PciDescription& description() const = 0;

  // A trapped access; `offset` and `size` lie within the BAR, size is 1, 2, 4 or 8, and offset a multiple
  // of it. Never in the MSI-X table or its pending bits: the server answers those.
  virtual std::uint64_t read(std::uint8_t bar, std::uint64_t offset, std::uint8_t size) = 0;
  virtual void write(std::uint8_t bar, std::uint64_t offset, std::uint8_t size, std::uint64_t value) = 0;

  virtual void set_memory(std::shared_ptr<const GuestMemory> memory) = 0;
  // Null: the vector has no receiver now.
  virtual void set_interrupt(std::uint16_t vector, std::shared_ptr<Interrupt> interrupt) = 0;
  // Registers as after power-on: also when the client has gone. What set_memory() and set_interrupt() gave
  // stays, until they are called again.
  virtual void reset() = 0;
};

}  // namespace enid::pci
