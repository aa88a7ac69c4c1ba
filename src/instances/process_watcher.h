// ProcessWatcher: one thread that says when a process has ended.
//
// Invariant: `ended` is called at most once per watch(), on the watcher's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "host/unique_fd.h"

namespace enid::instances {

class ProcessWatcher {
 public:
  static Result<std::unique_ptr<ProcessWatcher>> create();
  ~ProcessWatcher();

  // `process` is a pidfd; the watcher uses a copy of it.
  void watch(const host::UniqueFd& process, std::function<void()> ended);
  // Afterwards nothing is called any more.
  void stop();

 private:
  struct Watched {
    host::UniqueFd process;
    std::function<void()> ended;
  };

  ProcessWatcher(host::UniqueFd events, host::UniqueFd stop);
  void run();

  host::UniqueFd events_;  // epoll
  host::UniqueFd stop_;    // eventfd
  std::mutex mutex_;
  std::map<std::uint64_t, Watched> watched_;
  std::uint64_t next_ = 1;  // 0 is stop_.
  std::thread thread_;
};

}  // namespace enid::instances
