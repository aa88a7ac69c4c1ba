#include "control/control_plane.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "control/bootstrap.h"
#include "control/card_programs.h"
#include "control/instance_lifecycle.h"
#include "control/record_json.h"
#include "vpc/ec2_error.h"

namespace enid::control {
namespace {

// Chosen: the records of terminated instances are looked through once a minute.
constexpr Duration kTidyPeriod = Duration::from_seconds(60);

// What a runtime cannot do now for a reason that the caller can change is the caller's to hear.
std::optional<Error> refusal_of(std::optional<Error> error) {
  if (error && error->code == std::errc::device_or_resource_busy)
    return vpc::ec2_error("IncorrectState", std::move(error->message));
  return error;
}

std::string holder_of(const ControlPlane::Regions& regions, const VirtualFunction& function) {
  for (const auto& [name, model] : regions)
    for (const auto& [id, interface] : model->table<NetworkInterfaceRecord>())
      if (interface.attachment && interface.attachment->virtual_function == function)
        return fmt::format("{} of {}", id.text(), interface.attachment->instance.text());
  return "nobody";
}

bool still_attached(const RegionModel& model, const RuntimeAction& action) {
  const NetworkInterfaceRecord* interface = model.interface_with(action.attachment);
  return interface != nullptr && interface->id == action.interface;
}

}  // namespace

ControlPlane::ControlPlane(Parts parts, ControlPlaneOptions options)
    : parts_(parts), options_(std::move(options)), random_(options_.seed) {
  parts_.runtime.set_powered_off_listener(
      [this](InstanceId id) { parts_.executor.post([this, id = std::move(id)] { on_powered_off(id); }); });
}

Result<void> ControlPlane::recover() {
  submitted_ = durable_ = parts_.store.revision();
  const NetworkCardSettings kept = TRY(load_host_settings());
  host_cards_ = std::make_shared<HostNetworkCards>(kept);
  TRY(load_regions());
  TRY(equip_host(kept));
  contract::CardSnapshot snapshot{.revision = durable_, .entities = {}};
  for (const auto& [name, model] : regions_) add_everything(options_.account, *model, snapshot.entities);
  parts_.card.replace(std::move(snapshot), [] {});
  for (const auto& [name, model] : regions_) reconcile_instances(*model);
  for (const InstanceId& id : parts_.runtime.present()) {
    bool known = false;
    for (const auto& [name, model] : regions_) known |= model->find<InstanceRecord>(id) != nullptr;
    if (!known) parts_.runtime.remove(id, [](Result<void>) {});  // Its record was never durable.
  }
  tidy_later();
  return {};
}

Result<void> ControlPlane::load_regions() {
  const std::vector<store::Entry> entries = TRY(parts_.store.list(kRegionsPrefix));
  for (const store::Entry& entry : entries) {
    const std::string_view path = std::string_view(entry.key).substr(kRegionsPrefix.size());
    const std::size_t slash = path.find('/');
    if (slash == path.npos)
      return failure(std::make_error_code(std::errc::bad_message), "odd key in the store: " + entry.key);
    const std::string name(path.substr(0, slash));
    auto& model = regions_[name];
    if (model == nullptr) model = std::make_unique<RegionModel>(name, host_cards_);
    if (auto loaded = load_record(*model, path.substr(slash + 1), entry.value); !loaded)
      return failure(loaded.error().code, "cannot read " + entry.key + ": " + loaded.error().message);
  }
  return {};
}

Result<NetworkCardSettings> ControlPlane::load_host_settings() {
  const std::string key = std::string(kHostsPrefix) + HostNetworkCards().host();
  const std::optional<store::Entry> kept = TRY(parts_.store.get(key));
  if (!kept) return NetworkCardSettings{};
  auto settings = network_card_settings_from_json(kept->value);
  if (!settings)
    return failure(settings.error().code, "cannot read " + key + ": " + settings.error().message);
  return settings;
}

Result<void> ControlPlane::equip_host(const NetworkCardSettings& kept) {
  const NetworkCardSettings wanted = TRY(with_request(kept, options_.network_cards));
  if (wanted == kept) return {};
  if (const auto lost = host_cards_->first_lost_with(wanted))
    return failure(
        std::make_error_code(std::errc::device_or_resource_busy),
        fmt::format("{} cannot have {} network card(s) with {} virtual functions: virtual function "
                    "{} of card {} is held by {}; detach it, or stop its instance, first",
                    lost->host, wanted.network_cards, wanted.virtual_functions_per_card, lost->number,
                    lost->card, holder_of(regions_, *lost)));
  host_cards_->resize(wanted);
  const store::Revision revision = ++submitted_;
  parts_.store.commit(
      {.compares = {}, .writes = {{std::string(kHostsPrefix) + host_cards_->host(), to_json(wanted)}}},
      [this, revision](Result<store::CommitResult> result) {
        parts_.executor.post([this, revision, result = std::move(result)] { on_durable(revision, result); });
      });
  return {};
}

void ControlPlane::submit(std::string region, Work work, Done done) {
  parts_.executor.post(
      [this, region = std::move(region), work = std::move(work), done = std::move(done)]() mutable {
        auto answer = std::make_shared<Answer>();
        answer->done = std::move(done);
        run(region, work, answer);
      });
}

void ControlPlane::inspect(std::function<void(const Regions&, store::Revision)> look) {
  parts_.executor.post([this, look = std::move(look)] { look(regions_, durable_); });
}

RegionModel& ControlPlane::region(const std::string& name) {
  auto& model = regions_[name];
  if (model == nullptr) {
    model = std::make_unique<RegionModel>(name, host_cards_);
    Transaction transaction(*model, options_.account, parts_.executor.wall_time(), random_, &parts_.runtime);
    make_default_network(transaction);
    auto nobody = std::make_shared<Answer>();
    nobody->done = [](Result<void>) {};
    publish(name, transaction, nobody);
  }
  return *model;
}

void ControlPlane::run(const std::string& name, const Work& work, const std::shared_ptr<Answer>& answer) {
  RegionModel& model = region(name);
  Transaction transaction(model, options_.account, parts_.executor.wall_time(), random_, &parts_.runtime);
  if (!work(transaction)) transaction.rollback();
  publish(name, transaction, answer);
}

// Takes the one wait that every answer is born with.
void ControlPlane::publish(const std::string& name, Transaction& transaction,
                           const std::shared_ptr<Answer>& answer) {
  if (!transaction.changed()) {
    wait_for_durable(answer);
    return;
  }
  const std::vector<StoreWrite> writes = transaction.store_writes();
  if (!writes.empty()) {
    store_changes(transaction, answer);
    program_card(*regions_.at(name), transaction.touched(), answer);
  }
  std::vector<RuntimeAction> actions = transaction.take_actions();
  transaction.commit();
  for (RuntimeAction& action : actions) {
    if (action.awaited) ++answer->waits;
    auto waiter = action.awaited ? answer : nullptr;
    enqueue({name, std::move(action), std::move(waiter)});
  }
  finish_one(answer);
}

void ControlPlane::store_changes(const Transaction& transaction, const std::shared_ptr<Answer>& answer) {
  store::Transaction commit;
  for (StoreWrite& write : transaction.store_writes())
    commit.writes.push_back({std::move(write.key), std::move(write.value)});
  const store::Revision revision = ++submitted_;
  ++answer->waits;
  waiting_for_durable_.emplace_back(revision, answer);
  parts_.store.commit(std::move(commit), [this, revision](Result<store::CommitResult> result) {
    parts_.executor.post([this, revision, result = std::move(result)] { on_durable(revision, result); });
  });
}

void ControlPlane::program_card(const RegionModel& model, const TouchedIds& touched,
                                const std::shared_ptr<Answer>& answer) {
  contract::CardDelta delta = card_delta(options_.account, model, touched);
  if (delta.upserts.empty() && delta.removes.empty()) return;
  delta.revision = submitted_;
  ++answer->waits;
  parts_.card.apply(std::move(delta),
                    [this, answer] { parts_.executor.post([answer] { finish_one(answer); }); });
}

void ControlPlane::on_durable(store::Revision revision, const Result<store::CommitResult>& result) {
  if (result) {
    CHECK(result->committed);  // We compare nothing.
    durable_ = revision;
  } else {
    store_error_ = result.error();
  }
  while (!waiting_for_durable_.empty() && waiting_for_durable_.front().first <= revision) {
    const auto answer = std::move(waiting_for_durable_.front().second);
    waiting_for_durable_.pop_front();
    finish_one(answer, store_error_);
  }
}

void ControlPlane::wait_for_durable(const std::shared_ptr<Answer>& answer) {
  if (store_error_ || durable_ >= submitted_) {
    finish_one(answer, store_error_);
  } else {
    waiting_for_durable_.emplace_back(submitted_, answer);
  }
}

void ControlPlane::finish_one(const std::shared_ptr<Answer>& answer, std::optional<Error> error) {
  if (error && !answer->error) answer->error = std::move(error);
  CHECK(answer->waits > 0);
  if (--answer->waits > 0) return;
  if (answer->error) {
    answer->done(std::unexpected(*answer->error));
  } else {
    answer->done({});
  }
}

void ControlPlane::enqueue(QueuedAction action) {
  auto& queue = actions_[action.action.instance];
  const InstanceId instance = action.action.instance;
  queue.push_back(std::move(action));
  if (queue.size() == 1) begin_next(instance);
}

void ControlPlane::begin_next(const InstanceId& instance) {
  const auto queue = actions_.find(instance);
  if (queue == actions_.end()) return;
  if (queue->second.empty()) {
    actions_.erase(queue);
  } else {
    begin(queue->second.front());
  }
}

void ControlPlane::begin(const QueuedAction& queued) {
  const RuntimeAction& action = queued.action;
  const RegionModel& model = *regions_.at(queued.region);
  const auto done = [this, instance = action.instance](Result<void> result) {
    parts_.executor.post([this, instance, result = std::move(result)] { on_action_done(instance, result); });
  };
  const InstanceRecord* record = model.find<InstanceRecord>(action.instance);
  if (record == nullptr) return done({});
  switch (action.kind) {
    case RuntimeActionKind::kStart:
      return parts_.runtime.start(instance_launch(model, *record), done);
    case RuntimeActionKind::kAdopt:
      return parts_.runtime.adopt(action.instance, instance_launch(model, *record).interfaces, done);
    case RuntimeActionKind::kStop:
      return parts_.runtime.stop(action.instance, action.force, done);
    case RuntimeActionKind::kReboot:
      return parts_.runtime.reboot(action.instance, done);
    case RuntimeActionKind::kRemove:
      return parts_.runtime.remove(action.instance, done);
    case RuntimeActionKind::kDetach:
      if (!still_attached(model, action)) return done({});
      return parts_.runtime.detach(action.instance, action.interface, done);
    case RuntimeActionKind::kAttach: {
      const NetworkInterfaceRecord* interface = model.find<NetworkInterfaceRecord>(action.interface);
      if (!still_attached(model, action)) return done({});
      return parts_.runtime.attach(action.instance, interface_attachment(*record, *interface), done);
    }
  }
}

void ControlPlane::on_action_done(const InstanceId& instance, Result<void> result) {
  const auto queue = actions_.find(instance);
  CHECK(queue != actions_.end() && !queue->second.empty());
  const QueuedAction finished = std::move(queue->second.front());
  queue->second.pop_front();
  std::optional<Error> error;
  if (!result) error = result.error();

  auto nobody = std::make_shared<Answer>();
  nobody->done = [](Result<void>) {};
  run(
      finished.region,
      [&](Transaction& transaction) {
        record_outcome(transaction, finished.action, error);
        return true;
      },
      nobody);
  // A detach is done whatever the instance said of it: the model and the card have let go.
  if (finished.action.kind == RuntimeActionKind::kDetach) error.reset();
  if (finished.answer != nullptr) finish_one(finished.answer, refusal_of(error));
  begin_next(instance);
}

void ControlPlane::on_powered_off(const InstanceId& instance) {
  for (const auto& [name, model] : regions_) {
    if (model->find<InstanceRecord>(instance) == nullptr) continue;
    auto nobody = std::make_shared<Answer>();
    nobody->done = [](Result<void>) {};
    run(
        name,
        [&](Transaction& transaction) {
          record_power_off(transaction, instance);
          return true;
        },
        nobody);
    return;
  }
}

void ControlPlane::reconcile_instances(RegionModel& model) {
  Transaction transaction(model, options_.account, parts_.executor.wall_time(), random_, &parts_.runtime);
  for (const auto& [id, record] : model.table<InstanceRecord>())
    resume_instance(transaction, record, parts_.runtime.state(id));
  auto nobody = std::make_shared<Answer>();
  nobody->done = [](Result<void>) {};
  publish(model.name(), transaction, nobody);
}

void ControlPlane::tidy_later() {
  parts_.executor.post_after(kTidyPeriod, [this] {
    std::vector<std::string> names;
    for (const auto& [name, model] : regions_) names.push_back(name);
    for (const std::string& name : names) {
      auto nobody = std::make_shared<Answer>();
      nobody->done = [](Result<void>) {};
      run(
          name,
          [](Transaction& transaction) {
            forget_terminated_instances(transaction);
            forget_client_tokens(transaction);
            return true;
          },
          nobody);
    }
    tidy_later();
  });
}

}  // namespace enid::control
