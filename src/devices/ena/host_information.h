// HostInformation: what a driver tells of itself and its operating system, for logs.
//
//   Documented: ena_admin_defs.h (ena_admin_host_info). All of it is the guest's word.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pci/guest_memory.h"

namespace enid::devices::ena {

struct HostInformation {
  std::uint32_t system = 0;    // ena_admin_os_type
  std::string system_name;     // "Linux", "DPDK", …
  std::string distribution;    // Printable characters only, as the next. Linux: its release.
  std::string kernel_version;  // Linux: when and how it was built.
  std::string driver_version;  // "2.1.0"
  std::uint16_t processors = 0;

  // From the page at `address`; empty when that is not readable.
  static std::optional<HostInformation> read(const pci::GuestMemory& memory, std::uint64_t address);
  // "Linux 6.12.0 #1 SMP Debian, driver 2.1.0, 4 processors"
  std::string text() const;
};

}  // namespace enid::devices::ena
