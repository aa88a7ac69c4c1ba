#include "cluster/remote_host.h"

#include <fmt/format.h>

#include "cluster/protocol_error.h"

namespace enid::cluster {
namespace {

std::unexpected<Error> away(const HostId& id) {
  return failure(std::make_error_code(std::errc::host_unreachable),
                 "the card of " + id.text() + " is not connected; see enid status");
}

}  // namespace

RemoteHost::RemoteHost(HostId id, RemoteHostOptions options, SnapshotSource snapshots)
    : id_(std::move(id)),
      options_(std::move(options)),
      snapshots_(std::move(snapshots)),
      log_(options_.log) {}

RemoteHost::~RemoteHost() {
  Calls calls;
  {
    const std::lock_guard lock(mutex_);
    lose_stream(calls);
    for (auto& [number, pending] : commands_)
      calls.push_back([this, done = std::move(pending.done)] { done(away(id_)); });
    commands_.clear();
  }
  for (const auto& call : calls) call();
}

// ---- The card's side

void RemoteHost::connect(std::shared_ptr<CardStream> stream, const Hello& hello) {
  Calls calls;
  bool wants_snapshot = false;
  const CardStream* const now = stream.get();
  {
    const std::lock_guard lock(mutex_);
    lose_stream(calls);
    stream_ = std::move(stream);
    std::map<InstanceId, Instance> earlier = std::exchange(instances_, {});
    for (const InstancePresence& presence : hello.instances) {
      Instance& instance = instances_[presence.id];
      if (const auto known = earlier.find(presence.id); known != earlier.end())
        instance = std::move(known->second);
      instance.state = presence.state;
    }
    if (std::exchange(incarnation_, hello.incarnation) != hello.incarnation) heard_ = 0;
    send(Welcome{.epoch = options_.epoch, .version = options_.version});
    for (const cluster::PoweredOff& event : hello.powered_off) on_powered_off(event, calls);
    applied_ = 0;
    if (has_program_ && hello.position.epoch == options_.epoch &&
        log_.reaches_back_to(hello.position.revision)) {
      applied_ = hello.position.revision;
      for (contract::CardDelta& delta : log_.after(hello.position.revision))
        send(Delta{.epoch = options_.epoch, .delta = std::move(delta)});
      begin_commands();
    } else {
      wants_snapshot = has_program_;  // Otherwise the control plane replaces it when the host joins.
    }
  }
  for (const auto& call : calls) call();
  if (wants_snapshot)
    snapshots_(
        [this, now](Result<contract::CardSnapshot> snapshot) { on_snapshot(now, std::move(snapshot)); });
}

void RemoteHost::on_snapshot(const CardStream* asked_for, Result<contract::CardSnapshot> snapshot) {
  const std::lock_guard lock(mutex_);
  if (stream_.get() != asked_for || programmed_ || !snapshot) return;
  send_snapshot(*snapshot);
}

void RemoteHost::disconnect(const CardStream& stream) {
  Calls calls;
  {
    const std::lock_guard lock(mutex_);
    if (stream_.get() == &stream) lose_stream(calls);
  }
  for (const auto& call : calls) call();
}

void RemoteHost::lose_stream(Calls& calls) {
  stream_.reset();
  programmed_ = false;
  take_waiters(UINT64_MAX, calls);
  for (auto& [number, done] : reports_) calls.push_back([answer = std::move(done)] { answer({}); });
  for (auto& [number, done] : traces_)
    calls.push_back([this, answer = std::move(done)] { answer(away(id_)); });
  reports_.clear();
  traces_.clear();
}

Result<void> RemoteHost::receive(const CardStream& stream, CardMessage message) {
  Calls calls;
  {
    const std::lock_guard lock(mutex_);
    if (stream_.get() != &stream) return {};
    if (std::holds_alternative<Hello>(message)) return protocol_error("a card says Hello once");
    if (const auto* applied = std::get_if<Applied>(&message)) {
      if (applied->position.epoch != options_.epoch || applied->position.revision > log_.last())
        return protocol_error("the card has applied what was never sent");
      on_applied(*applied, calls);
    } else if (auto* outcome = std::get_if<Outcome>(&message)) {
      on_outcome(std::move(*outcome), calls);
    } else if (const auto* event = std::get_if<cluster::PoweredOff>(&message)) {
      on_powered_off(*event, calls);
    } else if (auto* console = std::get_if<ConsoleChanged>(&message)) {
      on_console(std::move(*console));
    } else if (auto* report = std::get_if<ReportAnswer>(&message)) {
      if (auto node = reports_.extract(report->request))
        calls.push_back(
            [done = std::move(node.mapped()), report = std::move(report->report)] { done(report); });
    } else if (auto* trace = std::get_if<TraceAnswer>(&message)) {
      if (auto node = traces_.extract(trace->request))
        calls.push_back(
            [done = std::move(node.mapped()), report = std::move(trace->report)] { done(report); });
    }
  }
  for (const auto& call : calls) call();
  return {};
}

void RemoteHost::on_applied(const Applied& applied, Calls& calls) {
  applied_ = std::max(applied_, applied.position.revision);
  take_waiters(applied_, calls);
}

void RemoteHost::take_waiters(std::uint64_t revision, Calls& calls) {
  const auto end = waiters_.upper_bound(revision);
  for (auto waiter = waiters_.begin(); waiter != end; ++waiter) calls.push_back(std::move(waiter->second));
  waiters_.erase(waiters_.begin(), end);
}

void RemoteHost::on_outcome(Outcome outcome, Calls& calls) {
  for (const InstancePresence& presence : outcome.instances) instances_[presence.id].state = presence.state;
  for (const InstanceId& id : outcome.absent) instances_.erase(id);
  if (auto node = commands_.extract(outcome.command))
    calls.push_back(
        [done = std::move(node.mapped().done), result = std::move(outcome.result)] { done(result); });
}

void RemoteHost::on_powered_off(const cluster::PoweredOff& event, Calls& calls) {
  if (event.event > heard_) {
    heard_ = event.event;
    if (const auto found = instances_.find(event.instance); found != instances_.end()) {
      found->second.state = control::RunState::kAbsent;
      if (powered_off_) calls.push_back([listener = powered_off_, id = event.instance] { listener(id); });
    }
  }
  send(Heard{heard_});
}

void RemoteHost::on_console(ConsoleChanged console) {
  const auto found = instances_.find(console.instance);
  if (found != instances_.end()) found->second.console = std::move(console.output);
}

bool RemoteHost::connected() const {
  const std::lock_guard lock(mutex_);
  return stream_ != nullptr;
}

std::uint64_t RemoteHost::applied_revision() const {
  const std::lock_guard lock(mutex_);
  return applied_;
}

void RemoteHost::send(ControlMessage message) {
  if (stream_ != nullptr) stream_->send(std::move(message));
}

// ---- CardLink

void RemoteHost::apply(contract::CardDelta delta, std::function<void()> applied) {
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t revision = delta.revision;
    if (programmed_) send(Delta{.epoch = options_.epoch, .delta = delta});
    log_.add(std::move(delta));
    if (stream_ != nullptr) {  // Also one that still waits for its snapshot, which will contain this.
      waiters_.emplace(revision, std::move(applied));
      return;
    }
  }
  applied();
}

void RemoteHost::replace(contract::CardSnapshot snapshot, std::function<void()> applied) {
  {
    const std::lock_guard lock(mutex_);
    has_program_ = true;
    log_.restart_at(snapshot.revision);
    if (stream_ != nullptr) {
      waiters_.emplace(snapshot.revision, std::move(applied));
      send_snapshot(snapshot);
      return;
    }
  }
  applied();
}

void RemoteHost::send_snapshot(const contract::CardSnapshot& snapshot) {
  const Position position{.epoch = options_.epoch, .revision = snapshot.revision};
  SnapshotPart part{.position = position, .entities = {}, .last = false};
  std::size_t bytes = 0;
  for (const contract::Entity& entity : snapshot.entities) {
    bytes += weight_of(entity);
    part.entities.push_back(entity);
    if (bytes < options_.snapshot_part_bytes) continue;
    send(std::exchange(part, {.position = position, .entities = {}, .last = false}));
    bytes = 0;
  }
  part.last = true;
  send(std::move(part));
  applied_ = 0;
  begin_commands();
}

void RemoteHost::report(std::function<void(contract::CardReport)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (stream_ != nullptr) {
      const std::uint64_t number = next_number_++;
      reports_.emplace(number, std::move(done));
      return send(ReportRequest{number});
    }
  }
  done({});
}

void RemoteHost::trace(control::TraceRequest request,
                       std::function<void(Result<contract::TraceReport>)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (stream_ != nullptr) {
      const std::uint64_t number = next_number_++;
      traces_.emplace(number, std::move(done));
      return send(TraceQuestion{.request = number, .trace = std::move(request)});
    }
  }
  done(away(id_));
}

// ---- InstanceRuntime

void RemoteHost::command(Order order, Done done) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = next_number_++;
  if (programmed_) send(Command{.id = number, .epoch = options_.epoch, .order = order});
  commands_.emplace(number, Pending{std::move(order), std::move(done)});
}

void RemoteHost::begin_commands() {
  if (std::exchange(programmed_, true)) return;
  for (const auto& [number, pending] : commands_)
    send(Command{.id = number, .epoch = options_.epoch, .order = pending.order});
}

void RemoteHost::start(control::InstanceLaunch launch, Done done) {
  command(std::move(launch), std::move(done));
}

void RemoteHost::stop(const InstanceId& id, bool force, Done done) {
  command(Stop{id, force}, std::move(done));
}

void RemoteHost::reboot(const InstanceId& id, Done done) { command(Reboot{id}, std::move(done)); }

void RemoteHost::remove(const InstanceId& id, Done done) { command(Remove{id}, std::move(done)); }

void RemoteHost::attach(const InstanceId& id, const control::InterfaceAttachment& attachment, Done done) {
  command(Attach{id, attachment}, std::move(done));
}

void RemoteHost::detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) {
  command(Detach{id, interface}, std::move(done));
}

void RemoteHost::adopt(const InstanceId& id, std::vector<control::InterfaceAttachment> attachments,
                       Done done) {
  command(Adopt{id, std::move(attachments)}, std::move(done));
}

void RemoteHost::stop_all(Done done) { command(StopAll{}, std::move(done)); }

control::RunState RemoteHost::state(const InstanceId& id) {
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find(id);
  return found == instances_.end() ? control::RunState::kAbsent : found->second.state;
}

std::vector<InstanceId> RemoteHost::present() {
  const std::lock_guard lock(mutex_);
  std::vector<InstanceId> ids;
  for (const auto& [id, instance] : instances_) ids.push_back(id);
  return ids;
}

Result<control::ConsoleOutput> RemoteHost::console_output(const InstanceId& id) {
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find(id);
  if (found == instances_.end())
    return failure(std::make_error_code(std::errc::no_such_file_or_directory),
                   id.text() + " has left nothing on " + id_.text());
  return found->second.console;
}

void RemoteHost::set_powered_off_listener(PoweredOff listener) {
  const std::lock_guard lock(mutex_);
  powered_off_ = std::move(listener);
}

}  // namespace enid::cluster
