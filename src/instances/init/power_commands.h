// The commands poweroff, halt, shutdown and reboot, as an instance finds them first in PATH.
#pragma once

#include "base/result.h"

namespace enid::instances {

// Writes them to /run/enid/bin. They tell process 1 by signal: SIGUSR2 powers off, SIGTERM
// reboots (busybox init's own signals, so that busybox's poweroff works as well).
Result<void> write_power_commands();

}  // namespace enid::instances
