// Statistics that a driver asks for by the admin queue (GET_STATS); `ethtool -S` shows most of them.
//
//   Documented: ena_admin_defs.h (ena_admin_aq_get_stats_cmd), ena_ethtool.c; EC2 User Guide, "Monitor
//   network performance for ENA settings on your EC2 instance". Chosen: no traffic over SRD yet, so its
//   numbers are 0.
#pragma once

#include "devices/ena/admin_command.h"
#include "devices/ena/data_path.h"

namespace enid::devices::ena {

// ena_admin_aq_caps_id: which kinds of statistics there are beside the basic ones.
constexpr std::uint32_t kStatisticsCapabilities = 1 << 0 |  // ENI allowances
                                                  1 << 1 |  // SRD
                                                  1 << 2;   // Customer metrics

AdminStatus get_statistics(const AdminCommand& command, AdminAnswer& answer,
                           const DataPathStatistics& statistics, const pci::GuestMemory& memory);

}  // namespace enid::devices::ena
