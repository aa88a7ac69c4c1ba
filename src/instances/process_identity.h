// ProcessIdentity: a process that is never mistaken for another with the same id.
//
//   A process is its id and the time it started (field 22 of /proc/<pid>/stat, in clock ticks
//   since boot). Two processes never share both within one boot; the boot's id (kernel.random)
//   is kept too, so that a file from before a restart of the machine matches nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "host/unique_fd.h"

namespace enid::instances {

struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;
  std::string boot;

  // A living process, or nullopt; one that only waits to be reaped is not living.
  static std::optional<ProcessIdentity> of(pid_t pid);
  static std::optional<ProcessIdentity> parse(std::string_view text);
  std::string text() const;

  bool is_alive() const;
  // A descriptor that becomes readable when the process ends; not open when it has ended.
  host::UniqueFd open() const;

  bool operator==(const ProcessIdentity&) const = default;
};

}  // namespace enid::instances
