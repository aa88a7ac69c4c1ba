// SteeringFeatures: the driver's side of receive side scaling: hash function and key, hash input, table.
//
// Theory of operation
//   Features 12 (table), 10 (function and key) and 18 (fields) are read and written with control buffers
//   in the guest's memory. A buffer is copied, judged, and taken whole or not at all; then the data path gets
//   the new ReceiveSteering. Steering is on from the first table.
//
//   Documented: ena_admin_defs.h (ena_admin_feature_rss_…). Observed: the table's entries are indices
//   of receive submission queues, though the field is called cq_idx; a device that gives no key makes Linux
//   set a key of zeros; Linux wants a table of 128.
#pragma once

#include "devices/ena/admin_command.h"
#include "devices/ena/data_path.h"

namespace enid::devices::ena {

class SteeringFeatures {
 public:
  explicit SteeringFeatures(std::uint16_t queue_pairs);

  AdminStatus get_table(const AdminCommand& command, AdminAnswer& answer,
                        const pci::GuestMemory& memory) const;
  AdminStatus set_table(const AdminCommand& command, const pci::GuestMemory& memory);
  AdminStatus get_function(const AdminCommand& command, AdminAnswer& answer,
                           const pci::GuestMemory& memory) const;
  AdminStatus set_function(const AdminCommand& command, const pci::GuestMemory& memory);
  AdminStatus get_fields(const AdminCommand& command, AdminAnswer& answer,
                         const pci::GuestMemory& memory) const;
  AdminStatus set_fields(const AdminCommand& command, const pci::GuestMemory& memory);

  const ReceiveSteering& steering() const { return steering_; }

 private:
  std::uint16_t queue_pairs_;
  ReceiveSteering steering_;
};

}  // namespace enid::devices::ena
