#include "instances/network_namespace.h"

#include <fcntl.h>
#include <sched.h>

#include "base/check.h"

namespace enid::instances {

Result<NetworkNamespaceScope> NetworkNamespaceScope::enter(const host::UniqueFd& network) {
  host::UniqueFd before(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!before.is_open()) return errno_failure("open this thread's network namespace");
  if (::setns(network.get(), CLONE_NEWNET) != 0) return errno_failure("enter the instance's network");
  return NetworkNamespaceScope(std::move(before));
}

NetworkNamespaceScope::~NetworkNamespaceScope() {
  if (before_.is_open()) CHECK(::setns(before_.get(), CLONE_NEWNET) == 0);
}

}  // namespace enid::instances
