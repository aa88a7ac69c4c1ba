// AdminQueue: the queue by which a driver configures its device, one command after the other.
//
// Theory of operation
//   The driver puts commands into a ring and tells its free-running tail by a doorbell. Each command is
//   copied, carried out at once, and answered in a second ring, whose entries' phase bit flips with each lap.
//   The owner tells the driver of the answers by an interrupt.
//
// Invariants
//   (1) A doorbell carries out at most `depth` commands; one that claims more is not believed.
//   (2) Without two sound rings nothing happens. (3) An answer's phase byte is written last.
//
//   Chosen: the phase bits of commands are not looked at, since the doorbell says which are valid.
#pragma once

#include <cstdint>
#include <functional>

#include "devices/ena/admin_command.h"
#include "devices/ena/shared_ring.h"

namespace enid::devices::ena {

class AdminQueue {
 public:
  using CarryOut = std::function<AdminStatus(const AdminCommand&, AdminAnswer&)>;

  SharedRing commands;
  SharedRing answers;

  // Answers whether there are new answers.
  bool ring(std::uint32_t doorbell, const pci::GuestMemory& memory, const CarryOut& carry_out);
  void reset() { *this = {}; }

  std::uint64_t carried_out() const { return carried_out_; }
  std::uint64_t refused() const { return refused_; }

 private:
  void answer(const AdminCommand& command, AdminStatus status, AdminAnswer& answer,
              const pci::GuestMemory& memory);

  std::uint16_t head_ = 0;      // Of commands; free-running.
  std::uint32_t answered_ = 0;  // Answers written; free-running.
  std::uint64_t carried_out_ = 0;
  std::uint64_t refused_ = 0;  // Of those.
};

}  // namespace enid::devices::ena
