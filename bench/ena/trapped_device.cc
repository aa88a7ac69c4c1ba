#include "bench/ena/trapped_device.h"

#include <utility>

namespace enid::bench {

TrappedDevice::TrappedDevice(pci::PciDevice& device) : device_(device), description_(device.description()) {
  for (pci::Bar& bar : description_.bars) bar.mapped.clear();
}

std::uint64_t TrappedDevice::read(std::uint8_t bar, std::uint64_t offset, std::uint8_t size) {
  return device_.read(bar, offset, size);
}

void TrappedDevice::write(std::uint8_t bar, std::uint64_t offset, std::uint8_t size, std::uint64_t value) {
  device_.write(bar, offset, size, value);
}

void TrappedDevice::set_memory(std::shared_ptr<const pci::GuestMemory> memory) {
  device_.set_memory(std::move(memory));
}

void TrappedDevice::set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) {
  device_.set_interrupt(vector, std::move(interrupt));
}

void TrappedDevice::reset() { device_.reset(); }

}  // namespace enid::bench
