// ShutdownSignal: how a program of ours is told to end: SIGINT, SIGTERM, or request() from within.
//
// Invariant: one for a process; it handles those signals as long as it lives.
#pragma once

#include "host/unique_fd.h"

namespace enid::apps {

class ShutdownSignal {
 public:
  ShutdownSignal();
  ~ShutdownSignal();
  ShutdownSignal(const ShutdownSignal&) = delete;
  ShutdownSignal& operator=(const ShutdownSignal&) = delete;

  // Any thread, and signal handlers.
  static void request();
  void wait();

 private:
  host::UniqueFd event_;
};

}  // namespace enid::apps
