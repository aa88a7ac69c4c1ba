#include "apps/operator_api.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <future>

#include "api/protocol/timestamp.h"
#include "apps/control_look.h"
#include "apps/machine_facts.h"
#include "apps/operator_answers.h"
#include "control/operations/instances.h"
#include "host/clock.h"
#include "host/secure_random.h"

namespace enid::apps {
namespace {

// Chosen: the sender's, where the receiver was, and where it is now, and one to spare.
constexpr int kTracedHostsMax = 4;

// Of an interface that is attached to an instance on a host; else where its packets would be decided first.
HostId host_of(const control::NetworkInterfaceRecord& interface) {
  if (!interface.attachment || !interface.attachment->virtual_function)
    return HostId::trusted(control::kLocalHostName);
  return HostId::trusted(interface.attachment->virtual_function->host);
}

std::string tag(const control::Tags& tags, const std::string& key) {
  const auto found = tags.find(key);
  return found == tags.end() ? "" : found->second;
}

Json instances_of(const control::ControlPlane::Regions& regions) {
  Json list = Json::array();
  for (const auto& [name, region] : regions) {
    for (const auto& [id, instance] : region->table<control::InstanceRecord>()) {
      list.push_back({{"id", id.text()},
                      {"state", control::state_name(instance.state)},
                      {"type", instance.instance_type},
                      {"region", name},
                      {"host", instance.disk_host.text()},
                      {"address", instance.private_address.text()},
                      {"name", tag(instance.tags, "Name")}});
    }
  }
  return list;
}

// A host's network cards, and how many of their virtual functions are in use.
Json describe_host(const control::Host& host) {
  Json cards = Json::array();
  for (const vpc::NetworkCardLoad& load : host.network_cards.loads())
    cards.push_back({{"card", cards.size()},
                     {"virtual_functions", load.virtual_functions},
                     {"in_use", load.in_use},
                     {"free", load.virtual_functions - load.in_use}});
  return {{"id", host.description.id.text()},
          {"connected", host.connected},
          {"availability_zones", host.description.availability_zones},
          {"underlay_address", host.description.underlay_address.text()},
          {"underlay_mtu", host.description.underlay_mtu},
          {"network_cards", cards}};
}

Json hosts_of(const control::Hosts& hosts) {
  Json list = Json::array();
  for (const auto& [id, host] : hosts.all()) list.push_back(describe_host(host));
  return list;
}

// Where an interface is: its place in the instance, and the virtual function it holds of the host.
void add_place(Json& json, const control::NetworkInterfaceRecord& interface) {
  if (!interface.attachment) return;
  json["network_card_index"] = interface.attachment->network_card_index;
  if (const auto& function = interface.attachment->virtual_function) {
    json["host"] = function->host;
    json["card"] = function->card;
    json["virtual_function"] = function->number;
  }
}

Json interfaces_of(const control::ControlPlane::Regions& regions) {
  Json list = Json::array();
  for (const auto& [name, region] : regions) {
    for (const auto& [id, interface] : region->table<control::NetworkInterfaceRecord>()) {
      Json addresses = Json::array();
      for (const Ipv4Address address : interface.addresses) addresses.push_back(address.text());
      list.push_back({{"id", id.text()},
                      {"region", name},
                      {"mac", interface.mac.text()},
                      {"instance", interface.attachment ? interface.attachment->instance.text() : ""},
                      {"device_index", interface.attachment ? interface.attachment->device_index : 0},
                      {"addresses", addresses}});
      add_place(list.back(), interface);
    }
  }
  return list;
}

// The interface that `name` means: an interface's id, or an instance's for its eth0.
std::optional<control::NetworkInterfaceRecord> find_interface(const control::ControlPlane::Regions& regions,
                                                              const std::string& name) {
  for (const auto& [region_name, region] : regions) {
    if (const auto id = NetworkInterfaceId::parse(name))
      if (const auto* interface = region->find<control::NetworkInterfaceRecord>(*id)) return *interface;
    if (const auto id = InstanceId::parse(name)) {
      const auto interfaces = region->interfaces_of(*id);
      if (!interfaces.empty()) return *interfaces.front();
    }
  }
  return std::nullopt;
}

Json end_of(control::ControlPlane& plane, const contract::TraceEnd& end) {
  Json json = {{"interface", end.interface.text()}};
  const auto record = look<std::optional<control::NetworkInterfaceRecord>>(
      plane, [&](const control::ControlPlane::Regions& regions, store::Revision) {
        return find_interface(regions, end.interface.text());
      });
  if (record) {
    if (record->attachment) json["device_index"] = record->attachment->device_index;
    add_place(json, *record);
  }
  add_port(json, end.port);
  if (end.receive_queue) json["receive_queue"] = *end.receive_queue;
  return json;
}

}  // namespace

OperatorApi::OperatorApi(Parts parts) : parts_(std::move(parts)), started_(host::monotonic_now()) {}

void OperatorApi::handle(const OperatorRequest& request, OperatorAnswer& answer) {
  answer_by(answer, [&] { dispatch(request, answer); });
}

void OperatorApi::dispatch(const OperatorRequest& request, OperatorAnswer& answer) {
  const std::string call = request.method + " " + request.path;
  if (call == "GET /environment") return environment(answer);
  if (call == "GET /status") return status(answer);
  if (call == "GET /keys") return list_keys(answer);
  if (call == "POST /keys") return add_key(request, answer);
  if (call == "POST /trace") return trace(request, answer);
  if (call == "GET /capture") return capture(request, answer);
  if (call == "GET /place") return places(request, answer);
  if (call == "GET /hosts") return send_json(answer, {{"hosts", known_hosts(parts_)}});
  if (call == "POST /hosts") return add_host(parts_, request, answer);
  if (call.starts_with("DELETE /hosts/"))
    return remove_host(parts_, percent_decode(request.path.substr(7)), answer);
  if (call.starts_with("DELETE /keys/")) return delete_key(request.path.substr(6), answer);
  if (call == "POST /shutdown") {
    send_json(answer, {{"stopping", true}});
    return parts_.shut_down();
  }
  refuse(answer, 404, "there is no " + call);
}

void OperatorApi::environment(OperatorAnswer& answer) {
  const auto keys = parts_.keys.list();
  if (keys.empty()) return refuse(answer, 500, "there is no access key; make one with: enid key create");
  send_json(answer, {{"endpoint", parts_.endpoint},
                     {"access_key_id", keys.front().id},
                     {"secret_access_key", keys.front().secret}});
}

void OperatorApi::status(OperatorAnswer& answer) {
  Json json = look<Json>(parts_.plane,
                         [this](const control::ControlPlane::Regions& regions, store::Revision durable) {
                           return Json{{"hosts", hosts_of(parts_.plane.hosts())},
                                       {"instances", instances_of(regions)},
                                       {"interfaces", interfaces_of(regions)},
                                       {"revision", durable}};
                         });
  // Cards of other hosts answer at the same time as this one's.
  const std::vector<contract::CardReport> reports = reports_of(cards_of(parts_));
  for (const contract::CardReport& each : reports) add_counters(json["interfaces"], each);
  const contract::CardReport report = parts_.worker == nullptr ? contract::CardReport{} : reports.front();
  for (Json& host : json["hosts"]) {
    const auto is_here = [&](const Json& instance) { return instance["host"] == host["id"]; };
    host["instances"] = std::ranges::count_if(json["instances"], is_here);
    add_connection(parts_, host);
  }
  json["version"] = ENID_VERSION;
  json["pid"] = ::getpid();
  json["uptime_seconds"] = (host::monotonic_now() - started_).seconds();
  json["rss_mib"] = resident_mib();
  json["endpoint"] = parts_.endpoint;
  json["state"] = parts_.state;
  add_totals(json, report);
  send_json(answer, json);
}

void OperatorApi::list_keys(OperatorAnswer& answer) {
  Json list = Json::array();
  for (const api::AccessKey& key : parts_.keys.list())
    list.push_back({{"access_key_id", key.id}, {"created", api::protocol::write_timestamp(key.created)}});
  send_json(answer, {{"keys", list}});
}

void OperatorApi::add_key(const OperatorRequest& request, OperatorAnswer& answer) {
  const Json body = Json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  if (!body.is_object()) return refuse(answer, 400, "the body is not a JSON object");
  const std::lock_guard lock(keys_mutex_);
  std::promise<Result<api::AccessKey>> promise;
  const auto done = [&](Result<api::AccessKey> result) { promise.set_value(std::move(result)); };
  if (body.contains("access_key_id")) {
    parts_.keys.import(body.value("access_key_id", ""), body.value("secret_access_key", ""), host::wall_now(),
                       done);
  } else {
    parts_.keys.create(host::secure_random<sizeof(api::AccessKeys::Entropy)>(), host::wall_now(), done);
  }
  const Result<api::AccessKey> key = promise.get_future().get();
  if (!key) return refuse(answer, 400, key.error().message);
  send_json(answer, {{"access_key_id", key->id}, {"secret_access_key", key->secret}});
}

void OperatorApi::delete_key(const std::string& id, OperatorAnswer& answer) {
  const std::lock_guard lock(keys_mutex_);
  std::promise<Result<api::AccessKey>> promise;
  parts_.keys.remove(percent_decode(id),
                     [&](Result<api::AccessKey> result) { promise.set_value(std::move(result)); });
  const Result<api::AccessKey> key = promise.get_future().get();
  if (!key) return refuse(answer, 400, key.error().message);
  send_json(answer, {{"access_key_id", key->id}});
}

void OperatorApi::trace(const OperatorRequest& request, OperatorAnswer& answer) {
  const auto question = TraceQuestion::read(request.body);
  if (!question) return refuse(answer, 400, question.error().message);
  using Found = std::pair<std::optional<control::NetworkInterfaceRecord>,
                          std::optional<control::NetworkInterfaceRecord>>;
  const Found found =
      look<Found>(parts_.plane, [&](const control::ControlPlane::Regions& regions, store::Revision) {
        return Found{find_interface(regions, question->from), find_interface(regions, question->to)};
      });
  if (!found.first)
    return refuse(answer, 404, "there is no interface or instance '" + question->from + "'; see enid status");
  auto target = Ipv4Address::parse(question->to);
  if (!target && found.second) target = found.second->addresses.front();
  if (!target)
    return refuse(answer, 400,
                  "'" + question->to + "' is neither an IPv4 address nor an interface or instance");

  control::CardLink* card = card_of(host_of(*found.first));
  if (card == nullptr)
    return refuse(answer, 409, "the card of " + host_of(*found.first).text() + " is not connected");
  const control::TraceRequest asked =
      question->request(found.first->id, found.first->addresses.front(), *target);
  const Result<contract::TraceReport> report = trace_over_hosts(*card, asked);
  if (!report) return refuse(answer, 400, report.error().message);
  Json json = trace_answer(asked, *report);
  if (report->sender) json["sender"] = end_of(parts_.plane, *report->sender);
  if (report->receiver) json["receiver"] = end_of(parts_.plane, *report->receiver);
  send_json(answer, json);
}

void OperatorApi::capture(const OperatorRequest& request, OperatorAnswer& answer) {
  const std::vector<std::string> names = split(query_value(request, "interfaces"));
  struct Found {
    std::vector<NetworkInterfaceId> ids;
    std::string unknown;    // A name that means none.
    std::string elsewhere;  // One that is on another host.
  };
  const Found found =
      look<Found>(parts_.plane, [&](const control::ControlPlane::Regions& regions, store::Revision) {
        Found here;
        for (const std::string& name : names) {
          const auto interface = find_interface(regions, name);
          if (!interface) return Found{{}, name, {}};
          if (!parts_.is_own(host_of(*interface))) here.elsewhere = name;
          here.ids.push_back(interface->id);
        }
        if (names.empty())
          for (const auto& [region_name, region] : regions)
            for (const auto& [id, interface] : region->table<control::NetworkInterfaceRecord>())
              here.ids.push_back(id);
        return here;
      });
  if (!found.unknown.empty())
    return refuse(answer, 404, "there is no interface or instance '" + found.unknown + "'; see enid status");
  if (!found.elsewhere.empty() || parts_.worker == nullptr)
    return refuse(
        answer, 409,
        (found.elsewhere.empty() ? "every interface" : found.elsewhere) +
            " is on another host; run enid capture there, with its card's --state (see enid status)");
  if (found.ids.empty()) return refuse(answer, 404, "there is no interface yet");
  stream_capture(*parts_.worker, found.ids, to_number(query_value(request, "packets")), answer);
}

// Where what is meant by each name is, and whether its card's state folder is on this machine.
void OperatorApi::places(const OperatorRequest& request, OperatorAnswer& answer) {
  struct Place {
    std::string name, instance, interface;
    HostId host;
  };
  const auto found = look<std::vector<Place>>(
      parts_.plane, [&](const control::ControlPlane::Regions& regions, store::Revision) {
        std::vector<Place> all;
        for (const std::string& name : split(query_value(request, "names"))) {
          const auto interface = find_interface(regions, name);
          if (!interface) continue;
          all.push_back({.name = name,
                         .instance = interface->attachment ? interface->attachment->instance.text() : "",
                         .interface = interface->id.text(),
                         .host = host_of(*interface)});
        }
        return all;
      });
  Json list = Json::array();
  for (const Place& place : found) {
    Json json = {{"name", place.name},
                 {"instance", place.instance},
                 {"interface", place.interface},
                 {"host", place.host.text()}};
    add_folder(parts_, place.host, json);
    list.push_back(std::move(json));
  }
  send_json(answer, {{"places", list}});
}

// The cards on the packet's way, one after the other.
Result<contract::TraceReport> OperatorApi::trace_over_hosts(control::CardLink& first,
                                                            const control::TraceRequest& request) const {
  contract::TraceReport whole = TRY(trace_by(first, request));
  for (int hosts = 1; whole.onward && hosts < kTracedHostsMax; ++hosts) {
    const contract::OnwardTrace onward = *std::exchange(whole.onward, std::nullopt);
    control::CardLink* const next = card_of(onward.host);
    if (next == nullptr) {
      whole.steps.push_back({onward.host.text(), "unknown", "its card is not connected"});
      break;
    }
    control::TraceRequest onwards;
    onwards.entering = onward;
    const contract::TraceReport rest = TRY(trace_by(*next, onwards));
    whole.steps.push_back({onward.host.text(), "enters", "by " + onward.carrier});
    whole.steps.insert(whole.steps.end(), rest.steps.begin(), rest.steps.end());
    whole.delivered = rest.delivered;
    whole.drop_reason = rest.drop_reason;
    whole.drop_explanation = rest.drop_explanation;
    whole.receiver = rest.receiver;
    whole.onward = rest.onward;
  }
  return whole;
}

control::CardLink* OperatorApi::card_of(const HostId& host) const {
  if (parts_.is_own(host)) return parts_.worker;
  return parts_.cards.find(host);
}

}  // namespace enid::apps
