// InitProcess: process 1 of an instance, seen from the daemon.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "host/unique_fd.h"
#include "instances/process_identity.h"

namespace enid::instances {

struct InitProcess {
  ProcessIdentity identity;
  host::UniqueFd process;  // A pidfd.
  host::UniqueFd network;  // The network namespace.

  // True when it has ended, waiting at most so long. Reaps it if it is our child.
  bool wait_until_ended(int timeout_ms) const;
  void kill() const;

  // Takes hold of a process that is alive.
  static Result<InitProcess> open(const ProcessIdentity& identity);
};

struct StartedInit {
  InitProcess init;
  host::UniqueFd ready;
};

// Clones a child into new namespaces; it runs `program` as "instance-init" and does not end
// with this process. See wait_until_ready.
Result<StartedInit> start_init(const std::string& program, const std::string& folder,
                               const std::vector<std::string>& hidden);

// Until init.sock answers, or the reason why it never will.
Result<void> wait_until_ready(const host::UniqueFd& ready, int timeout_ms);

}  // namespace enid::instances
