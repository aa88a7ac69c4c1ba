// LowLatencyFeature: how transmit queues in the device's own memory (BAR 2) are laid out, and whether the
// driver agreed.
//
//   Documented: ena_admin_defs.h (ena_admin_feature_llq_desc); ena_com.c: the driver selects one of each
//   offered set. Chosen: one form only, the one that Linux and DPDK prefer: entries of 128 bytes that hold
//   the header, two descriptors before it, then entries full of descriptors.
#pragma once

#include "devices/ena/admin_command.h"

namespace enid::devices::ena {

class LowLatencyFeature {
 public:
  AdminStatus get(AdminAnswer& answer, std::uint16_t queue_pairs) const;
  AdminStatus set(const AdminCommand& command);
  bool is_enabled() const { return is_enabled_; }

 private:
  bool is_enabled_ = false;
};

}  // namespace enid::devices::ena
