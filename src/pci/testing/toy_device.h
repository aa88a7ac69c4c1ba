// ToyDevice: a PCI device for tests. BAR 0 has eight registers of 8 bytes and a page that may be mapped; it
// notes everything it is told, checks what the server promises, and copies guest memory on demand.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "base/check.h"
#include "pci/pci_device.h"

namespace enid::pci::testing {

class ToyDevice : public PciDevice {
 public:
  // With shared pages: of `descriptors`.
  explicit ToyDevice(DescriptorUser& descriptors, bool has_own_msix_bar = false) {
    description_ = {.vendor = 0x1d0f,
                    .device = 0xec20,
                    .subsystem_vendor = 0x1d0f,
                    .subsystem_device = 0xec20,
                    .revision = 0,
                    .class_code = 0x020000,
                    .bars = {},
                    .vectors = 9,
                    .msix_bar = has_own_msix_bar ? std::uint8_t{1} : std::uint8_t{0},
                    .msix_table = has_own_msix_bar ? 0u : 0x8000u,
                    .msix_pending = has_own_msix_bar ? 0x800u : 0x9000u};
    auto doorbells = descriptors.make_shared_memory(0x2000);
    auto entries = descriptors.make_shared_memory(0x4000);
    CHECK(doorbells && entries);
    doorbells_ = doorbells->memory;
    Bar first{.index = 0, .size = 0x10000, .is_prefetchable = false, .mapped = {}};
    first.mapped.push_back({0x1000, 0x1000, doorbells->file, 0});
    Bar whole{.index = 2, .size = 0x4000, .is_prefetchable = true, .mapped = {}};
    whole.mapped.push_back({0, 0x4000, entries->file, 0});
    description_.bars = {first, whole};
  }

  const PciDescription& description() const override { return description_; }

  std::uint64_t read(std::uint8_t bar, std::uint64_t offset, std::uint8_t size) override {
    check_access(bar, offset, size);
    return bar == 0 && offset < 64 ? registers[offset / 8] >> offset % 8 * 8 : 0x55;
  }
  void write(std::uint8_t bar, std::uint64_t offset, std::uint8_t size, std::uint64_t value) override {
    check_access(bar, offset, size);
    if (bar == 0 && offset < 64 && size == 8) registers[offset / 8] = value;
    if (bar == 0 && offset < 64 && size == 4) registers[offset / 8] = value;
    // A register that makes the device touch guest memory: 64 bytes from the address become the sum.
    if (bar == 0 && offset == 0x40) touch(value);
    if (bar == 0 && offset == 0x48) raise(static_cast<std::uint16_t>(value % 9));
  }
  void set_memory(std::shared_ptr<const GuestMemory> now) override {
    CHECK(now != nullptr);
    memory = std::move(now);
    ++pictures;
  }
  void set_interrupt(std::uint16_t vector, std::shared_ptr<Interrupt> interrupt) override {
    CHECK(vector < description_.vectors);
    ++interrupt_changes;
    interrupts[vector] = std::move(interrupt);
    if (interrupts[vector] && is_pending[vector]) raise(vector);
  }
  void reset() override {
    registers = {};
    ++resets;
  }

  void raise(std::uint16_t vector) {
    is_pending[vector] = interrupts[vector] == nullptr;
    if (interrupts[vector]) interrupts[vector]->raise();
  }
  void touch(std::uint64_t address) {
    std::array<std::uint8_t, 64> bytes{};
    if (!memory->read(address, bytes)) return;
    for (std::uint8_t& byte : bytes) ++byte;
    memory->write(address, bytes);
  }

  std::array<std::uint64_t, 8> registers{};
  std::shared_ptr<const GuestMemory> memory = std::make_shared<const GuestMemory>();
  std::array<std::shared_ptr<Interrupt>, 9> interrupts;
  std::array<bool, 9> is_pending{};
  int pictures = 0, interrupt_changes = 0, resets = 0;

 private:
  void check_access(std::uint8_t bar, std::uint64_t offset, std::uint8_t size) const {
    CHECK(bar == 0 || bar == 2);
    CHECK(size == 1 || size == 2 || size == 4 || size == 8);
    CHECK(offset % size == 0 && offset + size <= (bar == 0 ? 0x10000u : 0x4000u));
  }

  PciDescription description_;
  std::shared_ptr<SharedMemory> doorbells_;
};

}  // namespace enid::pci::testing
