#include "apps/operator_api.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "api/protocol/timestamp.h"
#include "control/operations/instances.h"
#include "host/clock.h"
#include "host/secure_random.h"

namespace enid::apps {
namespace {

using Json = nlohmann::json;

// Tags and names may be any bytes; what is not UTF-8 is replaced.
void send_json(OperatorAnswer& answer, const Json& json, int status = 200) {
  answer.send(status, "application/json", json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void refuse(OperatorAnswer& answer, int status, const std::string& message) {
  send_json(answer, {{"error", message}}, status);
}

// What the control thread knows, copied out for a thread of the operator's.
template <class T>
T look(control::ControlPlane& plane,
       std::function<T(const control::ControlPlane::Regions&, store::Revision)> at) {
  std::promise<T> promise;
  plane.inspect([&](const control::ControlPlane::Regions& regions, store::Revision durable) {
    promise.set_value(at(regions, durable));
  });
  return promise.get_future().get();
}

contract::CardReport report_of(host::CardWorker& worker) {
  std::promise<contract::CardReport> promise;
  worker.report([&](contract::CardReport report) { promise.set_value(std::move(report)); });
  return promise.get_future().get();
}

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  file >> size >> resident;
  return static_cast<double>(resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) / (1 << 20);
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

void add_port(Json& json, const contract::PortReport& port) {
  if (port.kind.empty()) return;
  json["port"] = port.kind;
  json["queue_pairs"] = port.queue_pairs;
  json["queue_pairs_in_use"] = port.queue_pairs_in_use;
  json["resets"] = port.resets;
  json["times_broken"] = port.times_broken;
  if (!port.broken_because.empty()) json["broken_because"] = port.broken_because;
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

void add_counters(Json& interfaces, const contract::CardReport& report) {
  std::map<std::string, const contract::InterfaceCounters*> by_id;
  for (const contract::InterfaceCounters& counters : report.interfaces) by_id[counters.id.text()] = &counters;
  for (Json& interface : interfaces) {
    const auto found = by_id.find(interface["id"].get<std::string>());
    if (found == by_id.end()) continue;
    const contract::InterfaceCounters& counters = *found->second;
    interface["port_attached"] = counters.port_attached;
    add_port(interface, counters.port);
    interface["sent_packets"] = counters.sent_packets;
    interface["sent_bytes"] = counters.sent_bytes;
    interface["received_packets"] = counters.received_packets;
    interface["received_bytes"] = counters.received_bytes;
    interface["tracked_connections"] = counters.tracked_connections;
    interface["drops"] = counters.drops;
  }
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

std::optional<std::uint8_t> protocol_number(const std::string& name) {
  if (name == "tcp") return std::uint8_t{6};
  if (name == "udp") return std::uint8_t{17};
  if (name == "icmp") return std::uint8_t{1};
  if (name.empty() || name.size() > 3 || name.find_first_not_of("0123456789") != name.npos)
    return std::nullopt;
  const int number = std::stoi(name);
  return number > 255 ? std::nullopt : std::optional(static_cast<std::uint8_t>(number));
}

Json steps_of(const contract::TraceReport& report) {
  Json steps = Json::array();
  for (const contract::TraceStep& step : report.steps)
    steps.push_back({{"stage", step.stage}, {"verdict", step.verdict}, {"detail", step.detail}});
  return steps;
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

// Counts the packets of whole pcapng blocks, and cuts after the last one wanted.
class PacketCounter {
 public:
  explicit PacketCounter(std::uint64_t wanted) : left_(wanted), bounded_(wanted > 0) {}

  std::string_view take(std::string_view blocks) {
    if (!bounded_) return blocks;
    constexpr std::uint32_t kEnhancedPacketBlock = 6;
    std::size_t at = 0;
    while (at + 8 <= blocks.size() && left_ > 0) {
      std::uint32_t type = 0, size = 0;
      std::memcpy(&type, blocks.data() + at, 4);
      std::memcpy(&size, blocks.data() + at + 4, 4);
      at += size;
      if (type == kEnhancedPacketBlock) --left_;
    }
    return blocks.substr(0, at);
  }
  bool done() const { return bounded_ && left_ == 0; }

 private:
  std::uint64_t left_;
  bool bounded_;
};

std::uint64_t to_number(const std::string& text) {
  const bool digits = !text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == text.npos;
  return digits ? std::stoull(text) : 0;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

OperatorApi::OperatorApi(Parts parts) : parts_(std::move(parts)), started_(host::monotonic_now()) {}

void OperatorApi::handle(const OperatorRequest& request, OperatorAnswer& answer) {
  try {
    dispatch(request, answer);
  } catch (const Json::exception&) {  // The library's way to say that a member has another type.
    refuse(answer, 400, "a member of the body has the wrong type");
  }
}

void OperatorApi::dispatch(const OperatorRequest& request, OperatorAnswer& answer) {
  const std::string call = request.method + " " + request.path;
  if (call == "GET /environment") return environment(answer);
  if (call == "GET /status") return status(answer);
  if (call == "GET /keys") return list_keys(answer);
  if (call == "POST /keys") return add_key(request, answer);
  if (call == "POST /trace") return trace(request, answer);
  if (call == "GET /capture") return capture(request, answer);
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
  const contract::CardReport report = report_of(parts_.worker);
  add_counters(json["interfaces"], report);
  json["version"] = ENID_VERSION;
  json["pid"] = ::getpid();
  json["uptime_seconds"] = (host::monotonic_now() - started_).seconds();
  json["rss_mib"] = resident_mib();
  json["endpoint"] = parts_.endpoint;
  json["state"] = parts_.state;
  json["card_revision"] = report.revision;
  json["flows"] = report.flows;
  json["tracked_connections"] = report.tracked_connections;
  json["flow_cache_hits"] = report.flow_cache_hits;
  json["flow_cache_misses"] = report.flow_cache_misses;
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
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return refuse(answer, 400, "the body is not a JSON object");
  const std::string from = body.value("from", ""), to = body.value("to", "");
  using Found = std::pair<std::optional<control::NetworkInterfaceRecord>,
                          std::optional<control::NetworkInterfaceRecord>>;
  const Found found =
      look<Found>(parts_.plane, [&](const control::ControlPlane::Regions& regions, store::Revision) {
        return Found{find_interface(regions, from), find_interface(regions, to)};
      });
  if (!found.first)
    return refuse(answer, 404, "there is no interface or instance '" + from + "'; see enid status");
  auto target = Ipv4Address::parse(to);
  if (!target && found.second) target = found.second->addresses.front();
  if (!target)
    return refuse(answer, 400, "'" + to + "' is neither an IPv4 address nor an interface or instance");
  const auto protocol = protocol_number(body.value("protocol", "tcp"));
  if (!protocol) return refuse(answer, 400, "the protocol is tcp, udp, icmp or a number up to 255");
  const std::string source = body.value("source", "");
  const auto source_address = Ipv4Address::parse(source);
  if (!source.empty() && !source_address)
    return refuse(answer, 400, "'" + source + "' is not an IPv4 address");

  std::promise<Result<contract::TraceReport>> promise;
  parts_.worker.trace({.from = found.first->id,
                       .source = source_address.value_or(found.first->addresses.front()),
                       .target = *target,
                       .protocol = *protocol,
                       .source_port = body.value("source_port", std::uint16_t{0}),
                       .target_port = body.value("port", std::uint16_t{0}),
                       .payload_bytes = body.value("bytes", std::uint16_t{0})},
                      [&](Result<contract::TraceReport> result) { promise.set_value(std::move(result)); });
  const Result<contract::TraceReport> report = promise.get_future().get();
  if (!report) return refuse(answer, 400, report.error().message);
  Json json = {{"interface", found.first->id.text()},
               {"source", source.empty() ? found.first->addresses.front().text() : source},
               {"target", target->text()},
               {"delivered", report->delivered},
               {"drop_reason", report->drop_reason},
               {"drop_explanation", report->drop_explanation},
               {"steps", steps_of(*report)}};
  if (report->sender) json["sender"] = end_of(parts_.plane, *report->sender);
  if (report->receiver) json["receiver"] = end_of(parts_.plane, *report->receiver);
  send_json(answer, json);
}

void OperatorApi::capture(const OperatorRequest& request, OperatorAnswer& answer) {
  const auto query = [&](const char* name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
  };
  const std::vector<std::string> names = split(query("interfaces"));
  using Ids =
      std::pair<std::vector<NetworkInterfaceId>, std::string>;  // The ids, or the name that means none.
  const Ids ids =
      look<Ids>(parts_.plane, [&](const control::ControlPlane::Regions& regions, store::Revision) {
        Ids found;
        for (const std::string& name : names) {
          const auto interface = find_interface(regions, name);
          if (!interface) return Ids{{}, name};
          found.first.push_back(interface->id);
        }
        if (names.empty())
          for (const auto& [region_name, region] : regions)
            for (const auto& [id, interface] : region->table<control::NetworkInterfaceRecord>())
              found.first.push_back(id);
        return found;
      });
  if (!ids.second.empty())
    return refuse(answer, 404, "there is no interface or instance '" + ids.second + "'; see enid status");
  if (ids.first.empty()) return refuse(answer, 404, "there is no interface yet");

  PacketCounter counter(to_number(query("packets")));
  const auto subscription = parts_.worker.start_capture(ids.first);
  answer.begin_stream("application/x-pcapng");
  std::string blocks;
  bool open = true;
  while (open && !answer.should_end() && !counter.done()) {
    open = subscription->read(blocks, Duration::from_milliseconds(100));
    if (!blocks.empty() && !answer.write(counter.take(blocks))) break;
  }
  parts_.worker.stop_capture(subscription);
}

}  // namespace enid::apps
