#include "control/instance_lifecycle.h"

#include <algorithm>
#include <utility>

#include "control/operations/virtual_functions.h"

namespace enid::control {
namespace {

constexpr std::int64_t kTerminatedVisibleSeconds = 3600;
// Documented: EC2 API Reference, "Ensuring idempotency": at least 24 hours.
constexpr std::int64_t kClientTokenSeconds = 24 * 3600;
// Chosen: as many as the table in memory keeps (api/idempotency_table.h); the oldest go first.
constexpr std::size_t kClientTokensMax = 10'000;

void on_started(Transaction& transaction, InstanceRecord instance) {
  instance.booted = true;
  if (instance.state == InstanceState::kPending) set_state(transaction, instance, InstanceState::kRunning);
  transaction.put(instance);
  for (const NetworkInterfaceRecord* interface : transaction.region().interfaces_of(instance.id)) {
    if (interface->attachment->status != AttachmentStatus::kAttaching) continue;
    NetworkInterfaceRecord attached = *interface;
    attached.attachment->status = AttachmentStatus::kAttached;
    transaction.put(std::move(attached));
  }
}

void on_start_failed(Transaction& transaction, InstanceRecord instance, const Error& error) {
  // A call that came meanwhile has its own action behind this one.
  if (instance.state != InstanceState::kPending && instance.state != InstanceState::kRunning) return;
  // Documented: EC2 User Guide, "Troubleshoot instance launch issues": such an instance goes to
  // terminated with the reason Server.InternalError. One that ran before goes back to stopped,
  // and keeps what it wrote.
  instance.state_reason_code = "Server.InternalError";
  instance.state_reason_message = "Server.InternalError: " + error.message;
  set_state(transaction, instance, instance.booted ? InstanceState::kStopping : InstanceState::kShuttingDown);
  transaction.put(instance);
  transaction.act({.kind = instance.booted ? RuntimeActionKind::kStop : RuntimeActionKind::kRemove,
                   .instance = instance.id});
}

void detach_now(Transaction& transaction, const NetworkInterfaceId& id) {
  const NetworkInterfaceRecord* interface = transaction.find<NetworkInterfaceRecord>(id);
  if (interface == nullptr || !interface->attachment) return;
  NetworkInterfaceRecord free = *interface;
  free.attachment.reset();
  transaction.put(std::move(free));
}

void on_attach(Transaction& transaction, const RuntimeAction& action, bool attached) {
  const NetworkInterfaceRecord* interface = transaction.region().interface_with(action.attachment);
  if (interface == nullptr) return;  // Meanwhile it has left, and may be attached elsewhere.
  if (!attached) return detach_now(transaction, action.interface);
  if (interface->attachment->status != AttachmentStatus::kAttaching) return;
  NetworkInterfaceRecord done = *interface;
  done.attachment->status = AttachmentStatus::kAttached;
  transaction.put(std::move(done));
}

void on_detached(Transaction& transaction, const RuntimeAction& action) {
  if (transaction.region().interface_with(action.attachment) != nullptr)
    detach_now(transaction, action.interface);
}

void on_stopped(Transaction& transaction, InstanceRecord instance) {
  if (instance.state != InstanceState::kStopping) return;
  set_state(transaction, instance, InstanceState::kStopped);
  instance.host = {};
  transaction.put(instance);
  release_virtual_functions(transaction, instance.id);
  // Those that a failed start left attaching: a device of a stopped instance waits for its start.
  for (const NetworkInterfaceRecord* interface : transaction.region().interfaces_of(instance.id)) {
    if (interface->attachment->status != AttachmentStatus::kAttaching) continue;
    NetworkInterfaceRecord attached = *interface;
    attached.attachment->status = AttachmentStatus::kAttached;
    transaction.put(std::move(attached));
  }
}

// Documented: EC2 API Reference, StateReason: "Server.InsufficientInstanceCapacity".
void stop_without_capacity(Transaction& transaction, InstanceRecord instance) {
  instance.state_reason_code = "Server.InsufficientInstanceCapacity";
  instance.state_reason_message =
      "Server.InsufficientInstanceCapacity: There was insufficient instance capacity to run the instance";
  set_state(transaction, instance, InstanceState::kStopping);
  transaction.put(instance);
  transaction.act({.kind = RuntimeActionKind::kStop, .instance = instance.id});
}

void on_removed(Transaction& transaction, InstanceRecord instance) {
  release_interfaces(transaction, instance.id);
  set_state(transaction, instance, InstanceState::kTerminated);
  instance.host = instance.disk_host = {};
  transaction.put(instance);
}

}  // namespace

void set_state(Transaction& transaction, InstanceRecord& instance, InstanceState state) {
  instance.state = state;
  instance.state_time = transaction.now();
}

void release_interfaces(Transaction& transaction, const InstanceId& instance) {
  for (const NetworkInterfaceRecord* interface : transaction.region().interfaces_of(instance)) {
    const NetworkInterfaceId id = interface->id;
    if (interface->attachment->delete_on_termination) {
      transaction.erase<NetworkInterfaceRecord>(id);
    } else {
      detach_now(transaction, id);
    }
  }
}

void record_outcome(Transaction& transaction, const RuntimeAction& action,
                    const std::optional<Error>& error) {
  if (action.kind == RuntimeActionKind::kAttach) return on_attach(transaction, action, !error);
  // A device that cannot be detached properly is gone for the model all the same.
  if (action.kind == RuntimeActionKind::kDetach) return on_detached(transaction, action);
  const InstanceRecord* instance = transaction.find<InstanceRecord>(action.instance);
  if (instance == nullptr) return;
  switch (action.kind) {
    case RuntimeActionKind::kStart:
      return error ? on_start_failed(transaction, *instance, *error) : on_started(transaction, *instance);
    case RuntimeActionKind::kAdopt:
      // It ran when the daemon looked and does not now: boot it again.
      if (error) return transaction.act({.kind = RuntimeActionKind::kStart, .instance = action.instance});
      return on_started(transaction, *instance);
    case RuntimeActionKind::kStop:
      return on_stopped(transaction, *instance);
    case RuntimeActionKind::kRemove:
      return on_removed(transaction, *instance);
    default:
      return;
  }
}

void record_power_off(Transaction& transaction, const InstanceId& id) {
  const InstanceRecord* found = transaction.find<InstanceRecord>(id);
  if (found == nullptr || found->state != InstanceState::kRunning) return;
  InstanceRecord instance = *found;
  instance.state_reason_code = "Client.InstanceInitiatedShutdown";
  instance.state_reason_message = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
  instance.state_transition_reason = "User initiated shutdown";
  const bool terminate = instance.terminate_on_shutdown;
  set_state(transaction, instance, terminate ? InstanceState::kShuttingDown : InstanceState::kStopping);
  transaction.put(instance);
  transaction.act(
      {.kind = terminate ? RuntimeActionKind::kRemove : RuntimeActionKind::kStop, .instance = id});
}

void lose_instances_on(Transaction& transaction, const HostId& host) {
  std::vector<InstanceRecord> lost;
  for (const auto& [id, instance] : transaction.table<InstanceRecord>())
    if (instance.disk_host == host) lost.push_back(instance);
  for (InstanceRecord& instance : lost) {
    instance.disk_host = {};
    instance.booted = false;
    if (instance.state == InstanceState::kShuttingDown) {
      on_removed(transaction, instance);
      continue;
    }
    if (instance.state != InstanceState::kStopped) {
      // Documented: EC2 API Reference, StateReason: "Server.InternalError: An internal error caused the
      // instance to terminate during launch"; Chosen here, where the host was lost.
      instance.state_reason_code = "Server.InternalError";
      instance.state_reason_message = "Server.InternalError: The host of the instance is lost";
      set_state(transaction, instance, InstanceState::kStopping);
    }
    transaction.put(instance);
    on_stopped(transaction, instance);
  }
}

void resume_instance(Transaction& transaction, const InstanceRecord& instance, RunState state) {
  const bool present = state == RunState::kRunning;
  const auto act = [&](RuntimeActionKind kind) { transaction.act({.kind = kind, .instance = instance.id}); };
  const auto finish_detaching = [&] {
    for (const NetworkInterfaceRecord* interface : transaction.region().interfaces_of(instance.id))
      if (interface->attachment->status == AttachmentStatus::kDetaching)
        transaction.act({.kind = RuntimeActionKind::kDetach,
                         .instance = instance.id,
                         .interface = interface->id,
                         .attachment = interface->attachment->id});
  };
  switch (instance.state) {
    case InstanceState::kPending:
    case InstanceState::kRunning:
      // States of earlier versions assigned none.
      if (!take_virtual_functions(transaction, instance.id))
        return stop_without_capacity(transaction, instance);
      act(present ? RuntimeActionKind::kAdopt : RuntimeActionKind::kStart);
      return finish_detaching();
    case InstanceState::kStopping:
      act(RuntimeActionKind::kStop);
      return finish_detaching();
    case InstanceState::kShuttingDown:
      return act(RuntimeActionKind::kRemove);
    case InstanceState::kStopped:
      if (present) act(RuntimeActionKind::kStop);
      return finish_detaching();
    case InstanceState::kTerminated:
      if (present) act(RuntimeActionKind::kRemove);
      return;
  }
}

void forget_terminated_instances(Transaction& transaction) {
  std::vector<InstanceId> old;
  for (const auto& [id, instance] : transaction.table<InstanceRecord>()) {
    const std::int64_t age =
        transaction.now().seconds_since_epoch() - instance.state_time.seconds_since_epoch();
    if (instance.state == InstanceState::kTerminated && age > kTerminatedVisibleSeconds) old.push_back(id);
  }
  for (const InstanceId& id : old) transaction.erase<InstanceRecord>(id);
}

void forget_client_tokens(Transaction& transaction) {
  std::vector<std::pair<WallTime, std::string>> by_age;
  for (const auto& [id, token] : transaction.table<ClientTokenRecord>()) by_age.emplace_back(token.time, id);
  std::ranges::sort(by_age);
  std::size_t left = by_age.size();
  for (const auto& [time, id] : by_age) {
    const bool expired =
        transaction.now().seconds_since_epoch() - time.seconds_since_epoch() > kClientTokenSeconds;
    if (!expired && left <= kClientTokensMax) return;
    transaction.erase<ClientTokenRecord>(id);
    --left;
  }
}

}  // namespace enid::control
