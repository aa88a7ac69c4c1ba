// What instances must do: one action after the other for each, on the host where its files are.
#include <utility>

#include "base/check.h"
#include "control/card_programs.h"
#include "control/control_plane.h"
#include "control/instance_lifecycle.h"
#include "vpc/ec2_error.h"

namespace enid::control {
namespace {

// What a runtime cannot do now for a reason that the caller can change is the caller's to hear.
std::optional<Error> refusal_of(std::optional<Error> error) {
  if (error && error->code == std::errc::device_or_resource_busy)
    return vpc::ec2_error("IncorrectState", std::move(error->message));
  return error;
}

// Documented: EC2 API Reference, "Error codes", server errors: "An internal error has occurred."
Error unreachable() {
  return vpc::ec2_error("ServerInternal", "The host of the instance cannot be reached.");
}

bool still_attached(const RegionModel& model, const RuntimeAction& action) {
  const NetworkInterfaceRecord* interface = model.interface_with(action.attachment);
  return interface != nullptr && interface->id == action.interface;
}

}  // namespace

void ControlPlane::enqueue(QueuedAction action) {
  const InstanceId instance = action.action.instance;
  const Host* host = shared_->hosts.find(host_of(action));
  if (host == nullptr || !host->connected) end_waits_later(action);
  actions_[instance].actions.push_back(std::move(action));
  begin_next(instance);
}

// An action that names no host is for where the instance's files are.
const HostId& ControlPlane::host_of(const QueuedAction& queued) const {
  static const HostId kNowhere;
  if (!queued.action.host.empty()) return queued.action.host;
  const auto* record = regions_.at(queued.region)->find<InstanceRecord>(queued.action.instance);
  return record == nullptr ? kNowhere : record->disk_host;
}

void ControlPlane::begin_next(const InstanceId& instance) {
  const auto place = actions_.find(instance);
  if (place == actions_.end() || place->second.running) return;
  ActionQueue& queue = place->second;
  if (queue.actions.empty()) {
    actions_.erase(place);
    return;
  }
  const QueuedAction& next = queue.actions.front();
  const auto done = [this, instance, turn = queue.turn = ++turns_](Result<void> result) {
    parts_.executor.post(
        [this, instance, turn, result = std::move(result)] { on_action_done(instance, turn, result); });
  };
  const Host* host = shared_->hosts.find(host_of(next));
  const bool is_reachable = host != nullptr && host->connected && host->runtime != nullptr;
  if (is_reachable) {
    queue.running = true;
    begin(next, *host->runtime, done);
  } else if (host == nullptr || next.action.kind == RuntimeActionKind::kDiscard) {
    queue.running = true;
    done({});  // There is nothing to do, or it is done when the host joins again.
  }
}

void ControlPlane::begin(const QueuedAction& queued, InstanceRuntime& runtime,
                         const InstanceRuntime::Done& done) {
  const RuntimeAction& action = queued.action;
  const RegionModel& model = *regions_.at(queued.region);
  const InstanceRecord* record = model.find<InstanceRecord>(action.instance);
  if (record == nullptr) return done({});
  switch (action.kind) {
    case RuntimeActionKind::kStart:
      return runtime.start(instance_launch(model, *record), done);
    case RuntimeActionKind::kAdopt:
      return runtime.adopt(action.instance, instance_launch(model, *record).interfaces, done);
    case RuntimeActionKind::kStop:
      return runtime.stop(action.instance, action.force, done);
    case RuntimeActionKind::kReboot:
      return runtime.reboot(action.instance, done);
    case RuntimeActionKind::kRemove:
    case RuntimeActionKind::kDiscard:
      return runtime.remove(action.instance, done);
    case RuntimeActionKind::kDetach:
      if (!still_attached(model, action)) return done({});
      return runtime.detach(action.instance, action.interface, done);
    case RuntimeActionKind::kAttach: {
      const NetworkInterfaceRecord* interface = model.find<NetworkInterfaceRecord>(action.interface);
      if (!still_attached(model, action)) return done({});
      return runtime.attach(action.instance, interface_attachment(*record, *interface), done);
    }
  }
}

void ControlPlane::on_action_done(const InstanceId& instance, std::uint64_t turn, Result<void> result) {
  const auto place = actions_.find(instance);
  if (place == actions_.end() || !place->second.running || place->second.turn != turn) return;
  ActionQueue& queue = place->second;
  CHECK(!queue.actions.empty());
  const QueuedAction finished = std::move(queue.actions.front());
  queue.actions.pop_front();
  queue.running = false;
  std::optional<Error> error;
  if (!result) error = result.error();

  // The outcome's own actions come behind those that wait; the next begins when it is recorded.
  run_for_nobody(finished.region,
                 [&](Transaction& transaction) { record_outcome(transaction, finished.action, error); });
  // A detach is done whatever the instance said of it: the model and the card have let go.
  if (finished.action.kind == RuntimeActionKind::kDetach) error.reset();
  for (const auto& wait : finished.waits) finish_wait(*wait, refusal_of(error));
  begin_next(instance);
}

// A detach is answered well all the same: in EC2, too, it goes on after the answer.
void ControlPlane::end_waits_later(const QueuedAction& queued) {
  if (queued.waits.empty()) return;
  const bool goes_on = queued.action.kind == RuntimeActionKind::kDetach;
  parts_.executor.post_after(kUnreachableWait, [waits = queued.waits, goes_on] {
    for (const auto& wait : waits) finish_wait(*wait, goes_on ? std::nullopt : std::optional(unreachable()));
  });
}

// Empties the queues of all instances whose next action is for the host.
std::vector<ControlPlane::QueuedAction> ControlPlane::drop_actions(const HostId& host) {
  std::vector<QueuedAction> dropped;
  for (auto queue = actions_.begin(); queue != actions_.end();) {
    auto& waiting = queue->second.actions;
    // What is to be discarded there ends by itself, and others may wait behind it.
    const bool drops = !waiting.empty() && waiting.front().action.kind != RuntimeActionKind::kDiscard &&
                       host_of(waiting.front()) == host;
    if (!drops) {
      ++queue;
      continue;
    }
    for (QueuedAction& action : waiting) dropped.push_back(std::move(action));
    queue = actions_.erase(queue);
  }
  return dropped;
}

void ControlPlane::on_powered_off(const HostId& host, const InstanceId& instance) {
  for (const auto& [name, model] : regions_) {
    const InstanceRecord* record = model->find<InstanceRecord>(instance);
    if (record == nullptr) continue;
    if (record->host != host) return;  // It runs elsewhere by now.
    return run_for_nobody(name, [&](Transaction& transaction) { record_power_off(transaction, instance); });
  }
}

}  // namespace enid::control
