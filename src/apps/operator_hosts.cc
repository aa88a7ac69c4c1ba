// What the operator's socket answers about hosts.
#include <fmt/format.h>

#include <future>

#include "api/protocol/timestamp.h"
#include "apps/control_look.h"
#include "apps/machine_facts.h"
#include "apps/operator_api.h"
#include "host/clock.h"

namespace enid::apps {
namespace {

// Instances whose files are on the host, terminated ones aside.
std::vector<std::string> instances_on(control::ControlPlane& plane, const HostId& host) {
  return look<std::vector<std::string>>(
      plane, [&](const control::ControlPlane::Regions& regions, store::Revision) {
        std::vector<std::string> found;
        for (const auto& [name, region] : regions)
          for (const auto& [id, instance] : region->table<control::InstanceRecord>())
            if (instance.disk_host == host && instance.state != control::InstanceState::kTerminated)
              found.push_back(id.text());
        return found;
      });
}

}  // namespace

Json known_hosts(const OperatorApi::Parts& parts) {
  Json list = look<Json>(parts.plane, [&](const control::ControlPlane::Regions&, store::Revision) {
    Json all = Json::array();
    for (const auto& [id, host] : parts.plane.hosts().all())
      all.push_back({{"id", id.text()},
                     {"availability_zones", host.description.availability_zones},
                     {"address", host.description.underlay_address.text()},
                     {"connected", host.connected}});
    return all;
  });
  for (Json& host : list) {
    add_connection(parts, host);
    host["credentials"] = parts.registry.has(HostId::trusted(host["id"].get<std::string>()));
  }
  for (const auto& [id, entry] : parts.registry.entries()) {
    const auto is_it = [&](const Json& host) { return host["id"] == id.text(); };
    if (std::ranges::none_of(list, is_it))
      list.push_back({{"id", id.text()},
                      {"availability_zones", entry.availability_zones},
                      {"connected", false},
                      {"credentials", true}});
  }
  return list;
}

void add_connection(const OperatorApi::Parts& parts, Json& host) {
  const auto card = parts.cards.card(HostId::trusted(host["id"].get<std::string>()));
  if (!card) return;
  host[card->connected ? "connected_since" : "lost_since"] = api::protocol::write_timestamp(card->since);
  host["peer"] = card->peer;
  host["card_revision"] = card->applied_revision;
  host["version"] = card->version;
  host["state"] = card->state_folder;
}

void add_folder(const OperatorApi::Parts& parts, const HostId& host, Json& json) {
  if (parts.is_own(host)) {
    json["state"] = parts.state;
    json["same_machine"] = true;
  } else if (const auto card = parts.cards.card(host)) {
    json["state"] = card->state_folder;
    json["same_machine"] = !card->machine_boot_id.empty() && card->machine_boot_id == machine_boot_id();
  }
}

void add_host(const OperatorApi::Parts& parts, const OperatorRequest& request, OperatorAnswer& answer) {
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return refuse(answer, 400, "the body is not a JSON object");
  const auto credentials =
      parts.registry.add(HostId::trusted(body.value("id", "")),
                         body.value("availability_zones", std::vector<std::string>()), host::wall_now());
  if (!credentials) return refuse(answer, 400, credentials.error().message);
  send_json(answer, {{"credentials", *credentials}});
}

void remove_host(const OperatorApi::Parts& parts, const std::string& name, OperatorAnswer& answer) {
  const HostId host = HostId::trusted(name);
  if (parts.is_own(host))
    return refuse(answer, 400, name + " is this machine; enid up --no-card leaves it without instances");
  const std::vector<std::string> instances = instances_on(parts.plane, host);
  if (!instances.empty())
    return refuse(answer, 409,
                  fmt::format("{} instance(s) are on {}, {} is one; terminate them first", instances.size(),
                              name, instances.front()));
  const bool was_certified = parts.registry.has(host);
  if (const auto removed = parts.registry.remove(host); !removed)
    return refuse(answer, 500, removed.error().message);
  if (const auto card = parts.cards.card(host); card && card->connected && !was_certified)
    return refuse(answer, 409, name + " is connected by the Unix socket; stop its card first");
  parts.cards.dismiss(host);
  // Its stream ends within moments; only then may it be forgotten.
  Result<void> forgotten;
  for (int attempt = 0; attempt < 50; ++attempt) {
    std::promise<Result<void>> promise;
    parts.plane.forget_host(host, [&](Result<void> result) { promise.set_value(std::move(result)); });
    forgotten = promise.get_future().get();
    if (forgotten || forgotten.error().code != std::errc::device_or_resource_busy) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const bool unknown = !forgotten && forgotten.error().code == std::errc::no_such_device;
  if (!forgotten && !(unknown && was_certified))
    return refuse(answer, unknown ? 404 : 409, forgotten.error().message);
  send_json(answer, {{"removed", name}});
}

std::vector<control::CardLink*> cards_of(const OperatorApi::Parts& parts) {
  std::vector<control::CardLink*> cards;
  if (parts.worker != nullptr) cards.push_back(parts.worker);
  for (const cluster::CardStatus& card : parts.cards.cards())
    if (card.connected) cards.push_back(parts.cards.find(card.host));
  return cards;
}

std::vector<contract::CardReport> reports_of(const std::vector<control::CardLink*>& cards) {
  std::vector<std::promise<contract::CardReport>> promises(cards.size());
  for (std::size_t i = 0; i < cards.size(); ++i)
    cards[i]->report(
        [&promise = promises[i]](contract::CardReport report) { promise.set_value(std::move(report)); });
  std::vector<contract::CardReport> reports;
  for (auto& promise : promises) reports.push_back(promise.get_future().get());
  return reports;
}

}  // namespace enid::apps
