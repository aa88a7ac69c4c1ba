// ConfigSpace: the 4096 bytes by which a PCI function says what it is.
//
// Theory of operation
//   Built once from a PciDescription: identity, BAR types, and a chain of three capabilities (MSI-X, power
//   management, PCI Express endpoint). A second array of the same size says which bits may be
//   written; everything else ignores writes. The client (QEMU) reads the whole space once and emulates
//   the BARs and the MSI-X enable bit itself, yet forwards every write of the guest, sizing writes too.
//
// Invariants
//   (1) Accesses lie within kBytes: the server has checked. (2) The expansion ROM register is zero whatever
//   is written: a stored sizing write would make the guest see a ROM that is not there.
//
// Sources
//   Documented: PCI Local Bus 3.0 section 6.1 and 6.8.2, PCI Express Base 4.0 section 7.5, Linux
//   include/uapi/linux/pci_regs.h. Chosen: BARs keep only their type bits, as the client never reads
//   them back; the extended space from 0x100 on is empty.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "pci/pci_device.h"

namespace enid::pci {

class ConfigSpace {
 public:
  static constexpr std::uint32_t kBytes = 4096;

  explicit ConfigSpace(const PciDescription& description);

  void read(std::uint32_t offset, Bytes into) const;
  void write(std::uint32_t offset, ConstBytes from);
  // As after power-on.
  void reset() { values_ = initial_; }

 private:
  template <class Word>
  void put(std::uint32_t offset, Word value, Word writable_bits = 0);

  void put_header(const PciDescription& description);
  void put_msix(const PciDescription& description, std::uint8_t next);
  void put_power_management(std::uint8_t next);
  void put_express_endpoint(std::uint8_t next);

  std::array<std::uint8_t, kBytes> initial_{};
  std::array<std::uint8_t, kBytes> writable_{};  // A set bit may be written.
  std::array<std::uint8_t, kBytes> values_{};
};

}  // namespace enid::pci
