#include "cluster/card_agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/overload.h"
#include "cluster/protocol_error.h"

namespace enid::cluster {
namespace {

using control::InterfaceAttachment;

// Chosen: far more than are under way at once; a command is sent again only when its outcome was not heard.
constexpr std::size_t kOutcomesMax = 8192;

// Empty: it is about all of them.
InstanceId instance_of(const Order& order) {
  return std::visit(
      Overload{[](const StopAll&) { return InstanceId(); }, [](const auto& one) { return one.id; }}, order);
}

bool same(const InterfaceAttachment& a, const InterfaceAttachment& b) {
  return a.interface == b.interface && a.mac == b.mac && a.device_index == b.device_index &&
         a.network_card_index == b.network_card_index && a.machine_port == b.machine_port;
}

}  // namespace

CardAgent::CardAgent(Hello facts, control::CardLink& card, control::InstanceRuntime& runtime)
    : facts_(std::move(facts)), card_(card), runtime_(runtime) {
  runtime_.set_powered_off_listener([this](const InstanceId& instance) { on_powered_off(instance); });
}

CardAgent::~CardAgent() = default;

// ---- What is kept over the end of the process

void CardAgent::restore(KeptProgram kept, std::function<void()> done) {
  const std::uint64_t revision = kept.position.revision;
  {
    const std::lock_guard lock(mutex_);
    program_.replace(kept.position, kept.entities);
    kept_instances_ = std::move(kept.instances);
  }
  card_.replace({.revision = revision, .entities = std::move(kept.entities)}, std::move(done));
}

void CardAgent::adopt_kept() {
  Calls calls;
  {
    const std::lock_guard lock(mutex_);
    for (Adopt& adopt : std::exchange(kept_instances_, {}))
      if (!carried_.contains(adopt.id) && !queues_.contains(adopt.id) &&
          runtime_.state(adopt.id) == control::RunState::kRunning)
        enqueue({.command = {.id = 0, .epoch = 0, .order = std::move(adopt)}, .has_id = false}, calls);
  }
  for (const auto& call : calls) call();
}

void CardAgent::end() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
}

KeptProgram CardAgent::kept() const {
  const std::lock_guard lock(mutex_);
  KeptProgram kept{
      .position = program_.position(), .entities = program_.entities(), .instances = kept_instances_};
  for (const auto& [id, attachments] : carried_) {
    std::erase_if(kept.instances, [&](const Adopt& adopt) { return adopt.id == id; });
    kept.instances.push_back({id, attachments});
  }
  return kept;
}

std::uint64_t CardAgent::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

// ---- The stream

void CardAgent::connect(std::shared_ptr<ControlStream> stream) {
  const std::vector<InstanceId> present = runtime_.present();
  std::vector<InstancePresence> instances;
  for (const InstanceId& id : present) instances.push_back({.id = id, .state = runtime_.state(id)});
  const std::lock_guard lock(mutex_);
  stream_ = std::move(stream);
  welcomed_ = false;
  arriving_.clear();
  consoles_.clear();
  Hello hello = facts_;
  hello.position = program_.position();
  hello.instances = std::move(instances);
  hello.powered_off = events_;
  send(std::move(hello));
}

void CardAgent::disconnect(const ControlStream& stream) {
  const std::lock_guard lock(mutex_);
  if (stream_.get() != &stream) return;
  stream_.reset();
  welcomed_ = false;
}

bool CardAgent::is_programmed() const {
  const std::lock_guard lock(mutex_);
  return welcomed_ && programmed_;
}

std::uint64_t CardAgent::revision() const {
  const std::lock_guard lock(mutex_);
  return program_.position().revision;
}

std::size_t CardAgent::instances() const {
  const std::lock_guard lock(mutex_);
  return carried_.size();
}

void CardAgent::send(CardMessage message) {
  if (stream_ != nullptr) stream_->send(std::move(message));
}

Result<void> CardAgent::receive(const ControlStream& stream, ControlMessage message) {
  Calls calls;
  {
    const std::lock_guard lock(mutex_);
    if (stream_.get() != &stream) return {};
    if (!welcomed_ && !std::holds_alternative<Welcome>(message))
      return protocol_error("the control plane begins without a Welcome");
    TRY(std::visit(Overload{[&](Welcome& welcome) { return on_welcome(welcome); },
                            [&](SnapshotPart& part) { return on_snapshot(std::move(part), calls); },
                            [&](Delta& delta) { return on_delta(std::move(delta), calls); },
                            [&](Command& command) { return on_command(std::move(command), calls); },
                            [&](Heard& heard) {
                              on_heard(heard);
                              return Result<void>();
                            },
                            [&](ReportRequest& request) {
                              calls.push_back([this, number = request.request] {
                                card_.report([this, number](contract::CardReport report) {
                                  const std::lock_guard again(mutex_);
                                  send(ReportAnswer{.request = number, .report = std::move(report)});
                                });
                              });
                              return Result<void>();
                            },
                            [&](TraceQuestion& question) {
                              calls.push_back([this, question] {
                                card_.trace(question.trace, [this, number = question.request](
                                                                Result<contract::TraceReport> report) {
                                  const std::lock_guard again(mutex_);
                                  send(TraceAnswer{.request = number, .report = std::move(report)});
                                });
                              });
                              return Result<void>();
                            }},
                   message));
  }
  for (const auto& call : calls) call();
  return {};
}

Result<void> CardAgent::on_welcome(const Welcome& welcome) {
  if (welcomed_) return protocol_error("the control plane says Welcome once");
  if (welcome.epoch == 0) return protocol_error("an epoch of 0");
  welcomed_ = true;
  if (std::exchange(epoch_, welcome.epoch) != welcome.epoch) outcomes_.clear();
  programmed_ = program_.position().epoch == epoch_;
  return {};
}

Result<void> CardAgent::on_snapshot(SnapshotPart part, Calls& calls) {
  if (part.position.epoch != epoch_) return protocol_error("a snapshot of another epoch");
  std::ranges::move(part.entities, std::back_inserter(arriving_));
  if (!part.last) return {};
  contract::CardSnapshot snapshot{.revision = part.position.revision,
                                  .entities = std::exchange(arriving_, {})};
  program_.replace(part.position, snapshot.entities);
  programmed_ = true;
  ++changes_;
  calls.push_back([this, position = part.position, snapshot = std::move(snapshot)]() mutable {
    card_.replace(std::move(snapshot), [this, position] { send_applied(position); });
  });
  return {};
}

Result<void> CardAgent::on_delta(Delta delta, Calls& calls) {
  if (!program_.apply(delta.epoch, delta.delta))
    return protocol_error(fmt::format("delta {} does not follow on revision {}", delta.delta.revision,
                                      program_.position().revision));
  ++changes_;
  calls.push_back([this, position = program_.position(), changes = std::move(delta.delta)]() mutable {
    card_.apply(std::move(changes), [this, position] { send_applied(position); });
  });
  return {};
}

void CardAgent::send_applied(Position position) {
  const std::lock_guard lock(mutex_);
  if (welcomed_ && position.epoch == epoch_) send(Applied{position});
}

void CardAgent::on_heard(const Heard& heard) {
  std::erase_if(events_, [&](const PoweredOff& event) { return event.event <= heard.event; });
}

void CardAgent::on_powered_off(const InstanceId& instance) {
  const std::lock_guard lock(mutex_);
  if (carried_.erase(instance) != 0) ++changes_;
  events_.push_back({.event = next_event_++, .instance = instance});
  if (welcomed_) send(events_.back());
}

void CardAgent::look_at_consoles() {
  {
    const std::lock_guard lock(mutex_);
    if (!welcomed_) return;
  }
  for (const InstanceId& id : runtime_.present()) {
    Result<control::ConsoleOutput> output = runtime_.console_output(id);
    if (!output || output->modified_milliseconds_since_epoch == 0) continue;
    const std::lock_guard lock(mutex_);
    if (std::exchange(consoles_[id], output->modified_milliseconds_since_epoch) ==
        output->modified_milliseconds_since_epoch)
      continue;
    if (welcomed_) send(ConsoleChanged{.instance = id, .output = *std::move(output)});
  }
}

// ---- Commands

Result<void> CardAgent::on_command(Command command, Calls& calls) {
  if (command.epoch != epoch_) return protocol_error("a command of another epoch");
  const auto [known, is_new] = outcomes_.try_emplace(command.id);
  if (!is_new) {
    if (known->second) send(*known->second);  // Under way: its outcome will be sent.
    return {};
  }
  // Ids grow; what is forgotten first was heard long ago, or is under way and will be sent when it ends.
  if (outcomes_.size() > kOutcomesMax) outcomes_.erase(outcomes_.begin());
  enqueue({.command = std::move(command)}, calls);
  return {};
}

void CardAgent::enqueue(Queued queued, Calls& calls) {
  const InstanceId instance = instance_of(queued.command.order);
  auto& queue = queues_[instance];
  queue.push_back(std::move(queued));
  if (queue.size() == 1) calls.push_back([this, instance] { begin(instance); });
}

void CardAgent::begin(const InstanceId& instance) {
  Order order;
  {
    const std::lock_guard lock(mutex_);
    order = queues_.at(instance).front().command.order;
  }
  perform(instance, order);
}

void CardAgent::perform(const InstanceId& instance, const Order& order) {
  const auto done = [this, instance](Result<void> result) { finish(instance, std::move(result)); };
  std::vector<InterfaceAttachment> carried;
  bool is_carried = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = carried_.find(instance); found != carried_.end()) {
      is_carried = true;
      carried = found->second;
    }
  }
  const auto adopt = [&](const std::vector<InterfaceAttachment>& wanted) {
    std::vector<NetworkInterfaceId> surplus;
    for (const InterfaceAttachment& had : carried)
      if (std::ranges::none_of(wanted, [&](const auto& attachment) { return same(attachment, had); }))
        surplus.push_back(had.interface);
    detach_then_adopt(instance, std::move(surplus), wanted);
  };
  std::visit(Overload{[&](const control::InstanceLaunch& launch) {
                        if (runtime_.state(instance) == control::RunState::kRunning)
                          return adopt(launch.interfaces);
                        runtime_.start(launch, done);
                      },
                      [&](const Stop& stop) { runtime_.stop(instance, stop.force, done); },
                      [&](const Reboot&) { runtime_.reboot(instance, done); },
                      [&](const Remove&) { runtime_.remove(instance, done); },
                      [&](const Attach& attach) {
                        const auto is_it = [&](const auto& had) { return same(had, attach.attachment); };
                        if (std::ranges::any_of(carried, is_it)) return done({});
                        runtime_.attach(instance, attach.attachment, done);
                      },
                      [&](const Detach& detach) {
                        const auto is_it = [&](const auto& had) { return had.interface == detach.interface; };
                        if (is_carried && std::ranges::none_of(carried, is_it)) return done({});
                        runtime_.detach(instance, detach.interface, done);
                      },
                      [&](const Adopt& wanted) { adopt(wanted.attachments); },
                      [&](const StopAll&) { runtime_.stop_all(done); }},
             order);
}

// What this process has bound already must leave first: adopt() expects a runtime that knows nothing of it.
void CardAgent::detach_then_adopt(const InstanceId& instance, std::vector<NetworkInterfaceId> surplus,
                                  std::vector<InterfaceAttachment> wanted) {
  if (surplus.empty())
    return runtime_.adopt(instance, std::move(wanted),
                          [this, instance](Result<void> result) { finish(instance, std::move(result)); });
  const NetworkInterfaceId first = surplus.back();
  surplus.pop_back();
  runtime_.detach(instance, first,
                  [this, instance, surplus = std::move(surplus), wanted = std::move(wanted)](
                      const Result<void>&) { detach_then_adopt(instance, surplus, wanted); });
}

void CardAgent::finish(const InstanceId& instance, Result<void> result) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return;
  }
  std::vector<InstanceId> about = {instance};
  if (instance.empty()) about = runtime_.present();
  std::vector<InstancePresence> presences;
  for (const InstanceId& id : about) presences.push_back({.id = id, .state = runtime_.state(id)});
  bool has_next = false;
  {
    const std::lock_guard lock(mutex_);
    auto& queue = queues_.at(instance);
    const Queued queued = std::move(queue.front());
    queue.pop_front();
    has_next = !queue.empty();
    if (!has_next) queues_.erase(instance);
    if (result) record(queued.command.order);
    Outcome outcome{.command = queued.command.id, .result = std::move(result), .instances = {}, .absent = {}};
    if (outcome.result && std::holds_alternative<Remove>(queued.command.order)) {
      outcome.absent = about;
    } else {
      outcome.instances = std::move(presences);
    }
    if (queued.has_id && queued.command.epoch == epoch_) {
      if (const auto known = outcomes_.find(outcome.command); known != outcomes_.end())
        known->second = outcome;
      if (welcomed_) send(std::move(outcome));
    }
  }
  if (has_next) begin(instance);
}

void CardAgent::record(const Order& order) {
  ++changes_;
  std::visit(Overload{[&](const control::InstanceLaunch& launch) { carried_[launch.id] = launch.interfaces; },
                      [&](const Stop& stop) { carried_.erase(stop.id); }, [&](const Reboot&) {},
                      [&](const Remove& remove) { carried_.erase(remove.id); },
                      [&](const Attach& attach) {
                        auto& attachments = carried_[attach.id];
                        std::erase_if(attachments, [&](const InterfaceAttachment& had) {
                          return had.interface == attach.attachment.interface;
                        });
                        attachments.push_back(attach.attachment);
                      },
                      [&](const Detach& detach) {
                        std::erase_if(carried_[detach.id], [&](const InterfaceAttachment& had) {
                          return had.interface == detach.interface;
                        });
                      },
                      [&](const Adopt& adopt) { carried_[adopt.id] = adopt.attachments; },
                      [&](const StopAll&) { carried_.clear(); }},
             order);
  const InstanceId instance = instance_of(order);
  std::erase_if(kept_instances_, [&](const Adopt& kept) { return kept.id == instance; });
}

}  // namespace enid::cluster
