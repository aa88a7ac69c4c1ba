// NetworkNamespace: a network namespace without a name, for tests; it ends with the object. Needs root.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "host/unique_fd.h"

namespace enid::host {

class NetworkNamespace {
 public:
  NetworkNamespace() {
    std::thread([this] {
      EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
      fd_ = UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
    run("ip link set lo up");
  }

  // Calls `work` on a thread that lives there.
  template <class Work>
  auto inside(Work work) const {
    return std::async(std::launch::async, [this, work = std::move(work)] {
      EXPECT_EQ(::setns(fd_.get(), CLONE_NEWNET), 0);
      return work();
    });
  }
  // Answers whether the command succeeded.
  bool run(const std::string& command) const {
    return inside([&] { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }).get();
  }
  // What `ip` takes for it, in this process's children, too.
  std::string path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_.get());
  }

 private:
  UniqueFd fd_;
};

}  // namespace enid::host
