// Hosts that come, go and are forgotten.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "control/control_plane.h"
#include "control/instance_lifecycle.h"
#include "vpc/ec2_error.h"
#include "vpc/regions.h"

namespace enid::control {
namespace {

bool is_zone(const std::string& name) {
  return std::ranges::any_of(vpc::regions(), [&](const vpc::Region& region) {
    return vpc::find_availability_zone(region, name) != nullptr;
  });
}

}  // namespace

void ControlPlane::join_host(HostDescription description, CardLink& card, InstanceRuntime& runtime,
                             Done done) {
  parts_.executor.post(
      [this, description = std::move(description), &card, &runtime, done = std::move(done)]() mutable {
        if (Result<void> admitted = admit(description); !admitted) return done(std::move(admitted));
        bring_in(description, card, runtime, answer_to(std::move(done)));
      });
}

Result<void> ControlPlane::admit(const HostDescription& description) const {
  const auto refuse = [](std::string why) {
    return failure(std::make_error_code(std::errc::invalid_argument), std::move(why));
  };
  const HostId& id = description.id;
  if (!is_host_name(id.text()))
    return refuse(
        fmt::format("'{}' is no name for a host: up to 63 letters, digits, dots and dashes", id.text()));
  if (parts_.card != nullptr && id == options_.local_host.id)
    return refuse(fmt::format("{} is the machine of the control plane itself", id.text()));
  TRY(check_network_cards(description.network_cards));
  for (const std::string& zone : description.availability_zones)
    if (!is_zone(zone)) return refuse(fmt::format("there is no Availability Zone {}", zone));
  for (const auto& [other, known] : shared_->hosts.all())
    if (other != id && description.underlay_address.value != 0 &&
        known.description.underlay_address == description.underlay_address)
      return refuse(fmt::format("{} has the underlay address {} already", other.text(),
                                description.underlay_address.text()));
  const Host* known = shared_->hosts.find(id);
  if (known == nullptr) return {};
  if (const auto lost = known->network_cards.first_lost_with(description.network_cards))
    return refuse(fmt::format("virtual function {} of card {} of {} is in use, and would be no more",
                              lost->number, lost->card, id.text()));
  return {};
}

void ControlPlane::bring_in(const HostDescription& description, CardLink& card, InstanceRuntime& runtime,
                            const AnswerPointer& answer) {
  const HostId& id = description.id;
  lose(id);
  const bool is_new = shared_->hosts.find(id) == nullptr;
  Host& host = is_new ? shared_->hosts.add(description) : *shared_->hosts.find(id);
  const bool has_changed = is_new || host.description != description;
  const bool has_new_links = host.card != &card || host.runtime != &runtime;
  host.network_cards.resize(description.network_cards);
  host.description = description;
  host.card = &card;
  host.runtime = &runtime;
  host.connected = true;
  if (has_changed) {
    store_changes({{std::string(kHostsPrefix) + id.text(), to_json(description)}}, answer);
  }
  if (has_new_links) {
    runtime.set_powered_off_listener([this, id](InstanceId instance) {
      parts_.executor.post([this, id, instance = std::move(instance)] { on_powered_off(id, instance); });
    });
    send_snapshot(host, answer);
  }
  if (has_changed) send_deltas(feeds_.refresh_hosts(), answer);
  reconcile(id);
  finish_one(answer);
}

void ControlPlane::host_lost(HostId host) {
  parts_.executor.post([this, host = std::move(host)] { lose(host); });
}

void ControlPlane::lose(const HostId& id) {
  Host* host = shared_->hosts.find(id);
  if (host == nullptr || !host->connected) return;
  host->connected = false;
  for (const auto& [revision, answer] : std::exchange(streams_[id].waiting, {})) finish_one(answer);
  std::vector<InstanceId> stuck;
  for (auto& [instance, queue] : actions_) {
    if (queue.actions.empty() || host_of(queue.actions.front()) != id) continue;
    queue.running = false;
    stuck.push_back(instance);
    for (const QueuedAction& action : queue.actions) end_waits_later(action);
  }
  for (const InstanceId& instance : stuck) begin_next(instance);
}

void ControlPlane::forget_host(HostId host, Done done) {
  parts_.executor.post([this, host = std::move(host), done = std::move(done)]() mutable {
    const Host* known = shared_->hosts.find(host);
    if (known == nullptr)
      return done(
          failure(std::make_error_code(std::errc::no_such_device), "there is no host " + host.text()));
    if (known->connected)
      return done(failure(std::make_error_code(std::errc::device_or_resource_busy),
                          host.text() + " is connected; stop its card first"));
    forget(host, answer_to(std::move(done)));
  });
}

void ControlPlane::forget(const HostId& id, const AnswerPointer& answer) {
  for (const QueuedAction& action : drop_actions(id))
    for (const auto& wait : action.waits)
      finish_wait(*wait, vpc::ec2_error("ServerInternal", "The host is gone."));
  for (const auto& [name, model] : regions_) {
    Transaction transaction = transaction_on(*model);
    lose_instances_on(transaction, id);
    ++answer->waits;
    publish(name, transaction, answer);
  }
  feeds_.stop(id);
  streams_.erase(id);
  shared_->hosts.remove(id);
  store_changes({{std::string(kHostsPrefix) + id.text(), std::nullopt}}, answer);
  send_deltas(feeds_.refresh_hosts(), answer);
  finish_one(answer);
}

// What it runs, and what the records say that it should.
void ControlPlane::reconcile(const HostId& id) {
  InstanceRuntime& runtime = *shared_->hosts.find(id)->runtime;
  std::vector<QueuedAction> dropped = drop_actions(id);
  for (const auto& [name, model] : regions_)
    run_for_nobody(name, [&](Transaction& transaction) {
      std::vector<InstanceId> here;
      for (const auto& [instance, record] : transaction.table<InstanceRecord>())
        if (record.disk_host == id) here.push_back(instance);
      for (const InstanceId& instance : here)
        resume_instance(transaction, *transaction.find<InstanceRecord>(instance), runtime.state(instance));
    });
  for (const InstanceId& instance : runtime.present()) {
    bool is_here = false;
    for (const auto& [name, model] : regions_) {
      const InstanceRecord* record = model->find<InstanceRecord>(instance);
      is_here |= record != nullptr && record->disk_host == id;
    }
    // Its record was never durable, or it has left this host while that was away.
    if (!is_here) runtime.remove(instance, [](Result<void>) {});
  }
  for (QueuedAction& action : dropped) {
    const InstanceId& instance = action.action.instance;
    const auto queue = actions_.find(instance);
    if (action.action.kind == RuntimeActionKind::kReboot) {
      enqueue(std::move(action));  // No record tells of it.
    } else if (queue != actions_.end() && !queue->second.actions.empty()) {
      std::ranges::move(action.waits, std::back_inserter(queue->second.actions.back().waits));
    } else {
      for (const auto& wait : action.waits) finish_wait(*wait);
    }
  }
}

}  // namespace enid::control
