// InterruptTable: which event the client listens to, for each of a device's interrupts.
//
// Theory of operation
//   The client (QEMU) owns the MSI-X table of the guest. To us it only hands an eventfd per vector, by
//   SET_IRQS: one vector at a time, or several at once; it drops all of them and gives all again each time
//   the guest takes one more vector into use. This table judges such a request as a whole, then tells the
//   device about each vector that changes.
//
// Invariants
//   (1) A refused request has changed nothing. (2) The device is told of a vector only when it had
//   or now has an interrupt, so that switching off what is off costs nothing.
//
// Sources
//   Documented: Linux include/uapi/linux/vfio.h, struct vfio_irq_set. Observed: QEMU sends, for MSI-X: an
//   event without a descriptor (clear that slot), "no data, count 0" (drop all), and runs of vectors.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "pci/descriptor.h"
#include "pci/pci_device.h"

namespace enid::pci {

// The client's index of a kind of interrupt.
enum class InterruptKind : std::uint32_t { kIntx = 0, kMsi = 1, kMsix = 2, kError = 3, kRequest = 4 };
inline constexpr std::uint32_t kInterruptKinds = 5;

struct InterruptRequest {
  static constexpr std::uint32_t kDataNone = 0x01;
  static constexpr std::uint32_t kDataBool = 0x02;
  static constexpr std::uint32_t kDataEvent = 0x04;
  static constexpr std::uint32_t kActionMask = 0x08;
  static constexpr std::uint32_t kActionUnmask = 0x10;
  static constexpr std::uint32_t kActionTrigger = 0x20;

  std::uint32_t flags = 0;
  std::uint32_t index = 0;  // An InterruptKind, when below kInterruptKinds.
  std::uint32_t start = 0;
  std::uint32_t count = 0;
};

class InterruptTable {
 public:
  InterruptTable(PciDevice& device, DescriptorUser& descriptors);

  // How many interrupts of a kind there are; `index` may be anything.
  std::uint32_t count(std::uint32_t index) const;
  Result<void> set(const InterruptRequest& request, std::vector<std::unique_ptr<Descriptor>> events);
  void drop_all();

 private:
  Result<void> check(const InterruptRequest& request, std::size_t events) const;
  void set_vector(std::uint32_t vector, std::shared_ptr<Interrupt> interrupt);

  PciDevice& device_;
  DescriptorUser& descriptors_;
  std::vector<bool> is_set_;  // MSI-X vectors that have an interrupt.
};

}  // namespace enid::pci
