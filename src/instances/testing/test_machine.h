// TestMachine: a NetnsRuntime on a folder of its own, with everything gone at the end of the test.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "host/unique_fd.h"
#include "instances/netns_runtime.h"

namespace enid::instances {

// Keeps descriptors, reads nothing: a card that drops every frame.
class DeafBinder final : public PortBinder {
 public:
  void bind(const NetworkInterfaceId& interface, int tap_fd, std::function<void()> done) override {
    {
      const std::lock_guard lock(mutex_);
      taps_[interface] = host::UniqueFd(tap_fd);
    }
    done();
  }
  void unbind(const NetworkInterfaceId& interface, std::function<void()> done) override {
    {
      const std::lock_guard lock(mutex_);
      taps_.erase(interface);
    }
    done();
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return taps_.size();
  }

 private:
  std::mutex mutex_;
  std::map<NetworkInterfaceId, host::UniqueFd> taps_;
};

struct CommandOutcome {
  int status = -1;
  std::string output;
};

inline CommandOutcome run_on_host(const std::string& command) {
  CommandOutcome outcome;
  FILE* pipe = ::popen(("(" + command + ") 2>&1").c_str(), "r");
  std::array<char, 4096> bytes;
  while (const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), pipe))
    outcome.output.append(bytes.data(), count);
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

class TestMachine {
 public:
  explicit TestMachine(PortBinder& binder) : binder_(binder) {
    std::string name = "/var/tmp/enidtest-instances-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    open_runtime();
  }
  ~TestMachine() {
    if (runtime_ == nullptr) open_runtime();
    for (const InstanceId& id : runtime_->present())
      EXPECT_TRUE(wait([&](auto done) { runtime_->remove(id, done); })) << id.text();
    runtime_.reset();
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
    std::filesystem::remove_all(folder_);
  }

  NetnsRuntime& runtime() { return *runtime_; }
  void close_runtime() { runtime_.reset(); }  // As a daemon that ends without stopping anything.
  void open_runtime() {
    NetnsRuntimeOptions options;
    options.state_folder = folder_;
    options.init_program = ENID_INSTANCE_INIT;
    options.hidden_folders = hidden_folders_;
    auto made = NetnsRuntime::create(options, binder_);
    ASSERT_TRUE(made) << made.error().message;
    runtime_ = *std::move(made);
  }

  // From instances that start from now on.
  void hide(const std::string& folder) {
    hidden_folders_.push_back(folder);
    close_runtime();
    open_runtime();
  }

  const std::string& folder() const { return folder_; }

  // Calls, and waits for `done`.
  template <class Call>
  Result<void> wait(Call call) {
    auto promise = std::make_shared<std::promise<Result<void>>>();
    auto future = promise->get_future();
    call([promise](Result<void> result) { promise->set_value(std::move(result)); });
    if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready)
      return failure(std::make_error_code(std::errc::timed_out), "never done");
    return future.get();
  }

  Result<void> start(control::InstanceLaunch launch) {
    return wait([&](auto done) { runtime_->start(launch, done); });
  }
  Result<void> stop(const InstanceId& id, bool force = false) {
    return wait([&](auto done) { runtime_->stop(id, force, done); });
  }
  // A shell command inside; `command` must not hold single quotes.
  CommandOutcome run(const InstanceId& id, const std::string& command) const {
    return run_on_host(client(id) + " sh -c '" + command + "'");
  }
  // The words before a command that is to run inside.
  std::string client(const InstanceId& id) const {
    return std::string(ENID_INSTANCE_INIT) + " exec " + folder_ + "/" + id.text();
  }
  std::string console(const InstanceId& id) {
    const auto output = runtime_->console_output(id);
    return output ? output->text : "";
  }

 private:
  PortBinder& binder_;
  std::vector<std::string> hidden_folders_;
  std::string folder_;
  std::unique_ptr<NetnsRuntime> runtime_;
};

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(5)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::usleep(5000);
  }
  return true;
}

inline const InstanceId kFirst = InstanceId::trusted("i-0123456789abcdef0");
inline const InstanceId kSecond = InstanceId::trusted("i-0123456789abcdef1");

inline control::InstanceLaunch launch_of(const InstanceId& id) {
  control::InstanceLaunch launch;
  launch.id = id;
  launch.hostname = "ip-10-0-0-5";
  return launch;
}

}  // namespace enid::instances
