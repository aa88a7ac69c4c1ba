// What a ControlPlane stands on, for tests: a control thread that runs when the test says so, a
// card that applies everything, and a runtime whose instances start and stop at once.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "contract/card_program.h"
#include "control/card_link.h"
#include "control/executor.h"
#include "control/instance_runtime.h"

namespace enid::control::testing {

class HandExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { queue_.push_back(std::move(work)); }
  void post_after(Duration, std::function<void()> work) override { later_.push_back(std::move(work)); }
  WallTime wall_time() override { return now; }
  void run() {
    while (!queue_.empty()) {
      const auto work = std::move(queue_.front());
      queue_.pop_front();
      work();
    }
  }
  // All that was to be done later is due now.
  void let_time_pass() {
    for (const auto& work : std::exchange(later_, {})) work();
    run();
  }
  WallTime now{1'795'253'400'000};  // 2026-11-21T09:30:00Z

 private:
  std::vector<std::function<void()>> later_;
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

// Has what the deltas say, and refuses a gap in their numbers.
class KeepingCard final : public CardLink {
 public:
  void apply(contract::CardDelta delta, std::function<void()> applied) override {
    EXPECT_EQ(delta.revision, revision + 1);
    revision = delta.revision;
    for (const contract::EntityId& id : delta.removes) EXPECT_EQ(entities.erase(id), 1u) << "never told of";
    for (contract::Entity& entity : delta.upserts) keep(std::move(entity));
    if (answers) applied();
  }
  void replace(contract::CardSnapshot snapshot, std::function<void()> applied) override {
    ++snapshots;
    revision = snapshot.revision;
    entities.clear();
    for (contract::Entity& entity : snapshot.entities) keep(std::move(entity));
    if (answers) applied();
  }
  void report(std::function<void(contract::CardReport)> done) override { done({}); }
  void trace(TraceRequest, std::function<void(Result<contract::TraceReport>)> done) override {
    done(contract::TraceReport{});
  }
  // Null: it was not told of it.
  template <class Program, class Id>
  const Program* find(const Id& id) const {
    const auto found = entities.find(id);
    return found == entities.end() ? nullptr : &std::get<Program>(found->second);
  }

  bool answers = true;
  int snapshots = 0;
  std::uint64_t revision = 0;
  std::map<contract::EntityId, contract::Entity> entities;

 private:
  void keep(contract::Entity entity) {
    const contract::EntityId id =
        std::visit([](const auto& program) { return contract::EntityId(program.id); }, entity);
    entities.insert_or_assign(id, std::move(entity));
  }
};

class WillingRuntime final : public InstanceRuntime {
 public:
  void start(InstanceLaunch launch, Done done) override {
    running_.insert(launch.id);
    interfaces[launch.id] = launch.interfaces.size();
    answer(done);
  }
  void stop(const InstanceId& id, bool, Done done) override {
    running_.erase(id);
    interfaces.erase(id);
    answer(done);
  }
  void reboot(const InstanceId&, Done done) override { answer(done); }
  void remove(const InstanceId& id, Done done) override { stop(id, true, std::move(done)); }
  void attach(const InstanceId& id, const InterfaceAttachment&, Done done) override {
    ++interfaces[id];
    answer(done);
  }
  void detach(const InstanceId& id, const NetworkInterfaceId&, Done done) override {
    --interfaces[id];
    answer(done);
  }
  void adopt(const InstanceId& id, std::vector<InterfaceAttachment> attachments, Done done) override {
    interfaces[id] = attachments.size();
    answer(done);
  }
  void stop_all(Done done) override { done({}); }
  RunState state(const InstanceId& id) override {
    return running_.contains(id) ? RunState::kRunning : RunState::kAbsent;
  }
  std::vector<InstanceId> present() override { return {running_.begin(), running_.end()}; }
  Result<ConsoleOutput> console_output(const InstanceId&) override { return ConsoleOutput{}; }
  void set_powered_off_listener(PoweredOff) override {}
  // The machine loses its power.
  void lose_all() {
    running_.clear();
    interfaces.clear();
  }

  bool answers = true;  // False: a host that cannot be reached.
  bool holds = false;   // The test answers.
  std::vector<Done> held;
  std::map<InstanceId, std::size_t> interfaces;  // How many each instance has.

 private:
  void answer(const Done& done) {
    if (holds) {
      held.push_back(done);
    } else if (answers) {
      done({});
    }
  }
  std::set<InstanceId> running_;
};

}  // namespace enid::control::testing
