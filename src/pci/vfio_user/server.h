// Server: a PCI device, as a vfio-user client (QEMU) sees it.
//
// Theory of operation
//   Messages come in by on_message(), replies go out as its result, in order; no I/O here. Accesses to
//   configuration space, the description of regions and interrupts, and the table of guest memory are
//   answered here; accesses to registers go to the PciDevice.
//   Changes of guest memory come in long rows (1350 maps for one driver behind a virtual IOMMU). The device
//   gets one new picture for a row: at the first other message, or when the input has run dry. Until then
//   the replies of the row are held back, so that a reply always means "in effect".
//   A client that has not shared its memory is told so at GET_INFO, the first request whose failure stops it.
//
// Invariants
//   (1) Nothing a client sends reaches a CHECK. (2) Replies are in the order of their requests, at most one
//   each, none longer than the client made room for. (3) After on_disconnect() the device holds nothing
//   of the client: memory, events. The server then awaits the next client.
//
// Sources
//   Documented: https://www.qemu.org/docs/master/interop/vfio-user.html. Observed: what QEMU 11.1 sends and
//   needs, see src/pci/README.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pci/config_space.h"
#include "pci/dma_table.h"
#include "pci/interrupt_table.h"
#include "pci/pci_device.h"
#include "pci/vfio_user/messages.h"

namespace enid::pci::vfio_user {

struct ServerStatistics {
  std::uint64_t messages = 0;
  std::uint64_t refused = 0;
  std::uint64_t register_accesses = 0;  // Those that the device answered.
  std::uint64_t pictures = 0;           // Of guest memory, given to the device.
};

class Server {
 public:
  // Held replies; a longer row of memory changes is cut in two.
  static constexpr std::size_t kHeldMax = 4096;

  // Both must outlive the server.
  Server(PciDevice& device, DescriptorUser& descriptors);

  // The replies to send now; those of earlier messages may be among them.
  std::vector<Reply> on_message(Message message);
  // Call it whenever no more input waits: changes of memory take effect, and their replies come.
  std::vector<Reply> on_input_drained();
  void on_disconnect();

  // What was refused first since the last call, for the log; empty: nothing.
  std::string take_complaint();
  const ServerStatistics& statistics() const { return statistics_; }

 private:
  struct Answer {
    std::vector<std::uint8_t> payload;
    std::shared_ptr<Descriptor> descriptor = nullptr;
  };
  struct Region {
    RegionInfo info;
    std::shared_ptr<Descriptor> file;  // When a part may be mapped.
  };

  void describe_regions();
  void settle();
  void reset_device();
  Result<Answer> answer_to(Message& message);
  Result<Answer> on_version(const Message& message);
  Result<Answer> on_dma_map(const Message& message);
  Result<Answer> on_dma_unmap(const Message& message);
  Result<Answer> on_get_info(const Message& message);
  Result<Answer> on_get_region_info(const Message& message);
  Result<Answer> on_get_irq_info(const Message& message);
  Result<Answer> on_set_irqs(Message& message);
  Result<Answer> on_region_read(const Message& message);
  Result<Answer> on_region_write(const Message& message);

  Result<void> check_access(const RegionAccess& access) const;
  bool is_of_msix(const RegionAccess& access) const;
  void complain(const Message& message, const std::string& because);

  PciDevice& device_;
  ConfigSpace config_;
  DmaTable memory_;
  InterruptTable interrupts_;
  std::vector<Region> regions_;
  bool is_version_agreed_ = false;
  std::vector<Reply> held_;
  std::string complaint_;
  ServerStatistics statistics_;
};

}  // namespace enid::pci::vfio_user
