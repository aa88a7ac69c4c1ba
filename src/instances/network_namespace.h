// NetworkNamespaceScope: the calling thread is in another network namespace while it lives.
//
// Invariant: the thread is back in the namespace it came from when the scope ends; if the
// kernel refused that, nothing could be done safely any more, and the process ends.
#pragma once

#include "base/result.h"
#include "host/unique_fd.h"

namespace enid::instances {

class NetworkNamespaceScope {
 public:
  static Result<NetworkNamespaceScope> enter(const host::UniqueFd& network);
  ~NetworkNamespaceScope();
  NetworkNamespaceScope(NetworkNamespaceScope&&) = default;
  NetworkNamespaceScope& operator=(NetworkNamespaceScope&&) = delete;

 private:
  explicit NetworkNamespaceScope(host::UniqueFd before) : before_(std::move(before)) {}
  host::UniqueFd before_;
};

}  // namespace enid::instances
