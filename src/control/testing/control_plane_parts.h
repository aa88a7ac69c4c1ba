// What a ControlPlane stands on, for tests: a control thread that runs when the test says so, a
// card that applies everything, and a runtime whose instances start and stop at once.
#pragma once

#include <deque>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "control/card_link.h"
#include "control/executor.h"
#include "control/instance_runtime.h"

namespace enid::control::testing {

class HandExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { queue_.push_back(std::move(work)); }
  void post_after(Duration, std::function<void()>) override {}
  WallTime wall_time() override { return now; }
  void run() {
    while (!queue_.empty()) {
      const auto work = std::move(queue_.front());
      queue_.pop_front();
      work();
    }
  }
  WallTime now{1'795'253'400'000};  // 2026-11-21T09:30:00Z

 private:
  std::deque<std::function<void()>> queue_;
};

class WillingCard final : public CardLink {
 public:
  void apply(contract::CardDelta, std::function<void()> applied) override { applied(); }
  void replace(contract::CardSnapshot, std::function<void()> applied) override { applied(); }
  void report(std::function<void(contract::CardReport)> done) override { done({}); }
  void trace(TraceRequest, std::function<void(Result<contract::TraceReport>)> done) override {
    done(contract::TraceReport{});
  }
};

class WillingRuntime final : public InstanceRuntime {
 public:
  void start(InstanceLaunch launch, Done done) override {
    running_.insert(launch.id);
    done({});
  }
  void stop(const InstanceId& id, bool, Done done) override {
    running_.erase(id);
    done({});
  }
  void reboot(const InstanceId&, Done done) override { done({}); }
  void remove(const InstanceId& id, Done done) override { stop(id, true, std::move(done)); }
  void attach(const InstanceId&, const InterfaceAttachment&, Done done) override { done({}); }
  void detach(const InstanceId&, const NetworkInterfaceId&, Done done) override { done({}); }
  void adopt(const InstanceId&, std::vector<InterfaceAttachment>, Done done) override { done({}); }
  void stop_all(Done done) override { done({}); }
  RunState state(const InstanceId& id) override {
    return running_.contains(id) ? RunState::kRunning : RunState::kAbsent;
  }
  std::vector<InstanceId> present() override { return {running_.begin(), running_.end()}; }
  Result<ConsoleOutput> console_output(const InstanceId&) override { return ConsoleOutput{}; }
  void set_powered_off_listener(PoweredOff) override {}

 private:
  std::set<InstanceId> running_;
};

}  // namespace enid::control::testing
