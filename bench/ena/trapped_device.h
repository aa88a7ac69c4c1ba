// TrappedDevice: a device whose guest maps nothing of it: each write to a doorbell is a message to the
// server, as with a device that offers no shared memory. Only to show what mapping them is worth.
#pragma once

#include <cstdint>
#include <memory>

#include "pci/pci_device.h"

namespace enid::bench {

class TrappedDevice final : public pci::PciDevice {
 public:
  // `device` outlives this.
  explicit TrappedDevice(pci::PciDevice& device);

  const pci::PciDescription& description() const override { return description_; }
  std::uint64_t read(std::uint8_t bar, std::uint64_t offset, std::uint8_t size) override;
  void write(std::uint8_t bar, std::uint64_t offset, std::uint8_t size, std::uint64_t value) override;
  void set_memory(std::shared_ptr<const pci::GuestMemory> memory) override;
  void set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) override;
  void reset() override;

 private:
  pci::PciDevice& device_;
  pci::PciDescription description_;
};

}  // namespace enid::bench
