// Statistics that a driver asks for by the admin queue (GET_STATS); `ethtool -S` shows most of them.
//
//   Documented: ena_admin_defs.h (ena_admin_aq_get_stats_cmd, ena_admin_ena_srd_info), ena_ethtool.c; EC2
//   User Guide, "Monitor network performance for ENA settings on your EC2 instance" and "Monitor network
//   performance for ENA Express settings". Observed: drivers want the whole interface's basic numbers and
//   leave the scope at 0, which means one queue, and all else blank. So a queue's own numbers are for those
//   who also name the device (0xffff, "mine"); a queue is then both directions' of that index.
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
