// Controller: the slow half of an ENA device: registers, reset, admin queue, events.
//
// Theory of operation
//   The driver resets the device, gives it the rings of the admin queue and of events, configures it by
//   commands and makes queues; from then on it touches only doorbells, which are shared memory and the data
//   path's. What comes here is seldom, and carried out before the access returns. Registers can be read
//   directly, or by a request whose answer the device writes into the guest's memory ("readless"), which a
//   driver prefers because the read of a register is slow.
//
//   on_timeout() once a second sends the keep-alive and looks whether the data path broke because the guest
//   broke a rule. Then the device asks for a reset and falls silent: drivers that do not know the request
//   reset it for its silence.
//
// Invariants
//   (1) Nothing that a guest writes stops the process: what makes no sense is refused or ignored.
//   (2) Vector 0 is raised after answers and events; while it is masked or has no receiver it is owed.
//   (3) After a reset nothing of the driver's is left, in the data path neither, but what it told of itself.
//
//   Documented: Linux drivers/net/ethernet/amazon/ena (ena_com.c, ena_regs_defs.h, ena_admin_defs.h).
//   Observed: the driver waits for status bit 3 to follow control bit 0, both ways, and writes the address
//   for readless answers anew in between. Linux 6.12 has no handler for fatal errors and reset requests.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "devices/ena/admin_queue.h"
#include "devices/ena/controller_options.h"
#include "devices/ena/data_path.h"
#include "devices/ena/device_listener.h"
#include "devices/ena/device_memory.h"
#include "devices/ena/event_queue.h"
#include "devices/ena/features.h"
#include "devices/ena/queue_table.h"
#include "pci/pci_device.h"

namespace enid::devices::ena {

class Controller final : public pci::PciDevice {
 public:
  // `data_path` and `listener` (which may be null) outlive the controller. `data_path` is reset at once.
  Controller(const ControllerOptions& options, DeviceMemory memory, DataPath& data_path,
             DeviceListener* listener = nullptr);

  const pci::PciDescription& description() const override { return description_; }
  std::uint64_t read(std::uint8_t bar, std::uint64_t offset, std::uint8_t size) override;
  void write(std::uint8_t bar, std::uint64_t offset, std::uint8_t size, std::uint64_t value) override;
  void set_memory(std::shared_ptr<const pci::GuestMemory> memory) override;
  void set_interrupt(std::uint16_t vector, std::shared_ptr<pci::Interrupt> interrupt) override;
  void reset() override;

  Instant next_timeout() const;
  void on_timeout(Instant now);

  // The cable, so to speak. Up when made.
  void set_link(bool is_up);
  bool is_link_up() const { return is_link_up_; }
  // Tells a data path that begins anew all there is; the guest's queues go on where they were.
  void resume_data_path();

  // For logs and those who look on.
  const std::optional<HostInformation>& host() const { return features_.host(); }
  std::uint32_t resets() const { return resets_; }              // By the driver.
  std::uint32_t times_broken() const { return times_broken_; }  // By the guest.
  std::optional<std::uint32_t> last_reset_reason() const { return last_reset_reason_; }
  bool is_broken() const { return is_broken_; }
  const QueueTable& queues() const { return queues_; }
  const Features& features() const { return features_; }
  const AdminQueue& admin_queue() const { return admin_; }

 private:
  std::uint32_t read_register(std::uint32_t offset) const;
  void write_register(std::uint32_t offset, std::uint32_t value);
  void write_queue_register(std::uint32_t offset, std::uint32_t value);
  void write_control(std::uint32_t value);
  void answer_read_request(std::uint32_t request);
  void on_event_head(std::uint32_t head);
  AdminStatus carry_out(const AdminCommand& command, AdminAnswer& answer);
  void tell_of_host();
  void reset_device();
  void raise();
  void raise_owed();
  // The part of a mapped BAR that an access means, when it was trapped nonetheless.
  Bytes mapped(std::uint8_t bar, std::uint64_t offset, std::uint8_t size) const;

  const ControllerOptions options_;
  const DeviceMemory device_memory_;
  DataPath& data_path_;
  DeviceListener* const listener_;
  std::string host_told_;
  pci::PciDescription description_;
  std::shared_ptr<const pci::GuestMemory> memory_;
  std::array<std::shared_ptr<pci::Interrupt>, kVectorsMax> interrupts_;

  AdminQueue admin_;
  EventQueue events_;
  Features features_;
  QueueTable queues_;

  std::uint32_t control_ = 0;
  std::uint64_t read_response_ = 0;
  bool is_masked_ = false;
  bool is_interrupt_owed_ = false;
  bool is_link_up_ = true;
  bool is_broken_ = false;
  std::uint32_t resets_ = 0;
  std::uint32_t times_broken_ = 0;
  std::optional<std::uint32_t> last_reset_reason_;
  Instant now_;
  Instant next_keep_alive_ = Instant::never();
};

}  // namespace enid::devices::ena
