#include "apps/card_operator_api.h"

#include <unistd.h>

#include <algorithm>

#include "host/clock.h"

namespace enid::apps {

CardOperatorApi::CardOperatorApi(Parts parts) : parts_(std::move(parts)), started_(host::monotonic_now()) {}

void CardOperatorApi::handle(const OperatorRequest& request, OperatorAnswer& answer) {
  try {
    dispatch(request, answer);
  } catch (const Json::exception&) {  // The library's way to say that a member has another type.
    refuse(answer, 400, "a member of the body has the wrong type");
  }
}

void CardOperatorApi::dispatch(const OperatorRequest& request, OperatorAnswer& answer) {
  const std::string call = request.method + " " + request.path;
  if (call == "GET /status") return status(answer);
  if (call == "POST /trace") return trace(request, answer);
  if (call == "GET /capture") return capture(request, answer);
  if (call == "GET /place") return places(request, answer);
  if (call == "POST /shutdown") {
    send_json(answer, {{"stopping", true}});
    return parts_.shut_down();
  }
  refuse(answer, 404,
         "this is the state of " + parts_.host.text() +
             "'s card; ask the control plane (--state of enid up) for " + call);
}

std::vector<contract::InterfaceProgram> CardOperatorApi::interfaces() const {
  std::vector<contract::InterfaceProgram> here;
  for (contract::Entity& entity : parts_.agent.kept().entities)
    if (auto* interface = std::get_if<contract::InterfaceProgram>(&entity))
      if (interface->instance && (interface->host.empty() || interface->host == parts_.host))
        here.push_back(std::move(*interface));
  return here;
}

std::optional<contract::InterfaceProgram> CardOperatorApi::find(const std::string& name) const {
  std::optional<contract::InterfaceProgram> found;
  for (contract::InterfaceProgram& interface : interfaces()) {
    if (interface.id.text() == name) return std::move(interface);
    const bool is_better = !found || interface.device_index < found->device_index;
    if (interface.instance->text() == name && is_better) found = std::move(interface);
  }
  return found;
}

void CardOperatorApi::status(OperatorAnswer& answer) {
  Json list = Json::array();
  for (const contract::InterfaceProgram& interface : interfaces()) {
    Json addresses = Json::array();
    for (const Ipv4Address address : interface.addresses) addresses.push_back(address.text());
    list.push_back({{"id", interface.id.text()},
                    {"mac", interface.mac.text()},
                    {"instance", interface.instance->text()},
                    {"device_index", interface.device_index},
                    {"addresses", addresses}});
  }
  const contract::CardReport report = report_of(parts_.worker);
  add_counters(list, report);
  send_json(answer, {{"hosts", {{{"id", parts_.host.text()}, {"connected", parts_.agent.is_programmed()}}}},
                     {"instances", Json::array()},
                     {"interfaces", list},
                     {"version", ENID_VERSION},
                     {"pid", ::getpid()},
                     {"uptime_seconds", (host::monotonic_now() - started_).seconds()},
                     {"rss_mib", resident_mib()},
                     {"endpoint", parts_.api},
                     {"state", parts_.state},
                     {"revision", parts_.agent.revision()},
                     {"card_revision", report.revision},
                     {"flows", report.flows},
                     {"tracked_connections", report.tracked_connections},
                     {"flow_cache_hits", report.flow_cache_hits},
                     {"ena_express", report.ena_express},
                     {"flow_cache_misses", report.flow_cache_misses}});
}

void CardOperatorApi::trace(const OperatorRequest& request, OperatorAnswer& answer) {
  const Json body = Json::parse(request.body, nullptr, false);
  if (!body.is_object()) return refuse(answer, 400, "the body is not a JSON object");
  const std::string from = body.value("from", ""), to = body.value("to", ""),
                    source = body.value("source", "");
  const auto sender = find(from);
  if (!sender || sender->addresses.empty())
    return refuse(answer, 404, "'" + from + "' is not on " + parts_.host.text());
  const auto receiver = find(to);
  auto target = Ipv4Address::parse(to);
  if (!target && receiver && !receiver->addresses.empty()) target = receiver->addresses.front();
  if (!target) return refuse(answer, 400, "'" + to + "' is neither an IPv4 address nor on this host");
  const auto protocol = protocol_number(body.value("protocol", "tcp"));
  if (!protocol) return refuse(answer, 400, "the protocol is tcp, udp, icmp or a number up to 255");
  const auto source_address = Ipv4Address::parse(source);
  if (!source.empty() && !source_address)
    return refuse(answer, 400, "'" + source + "' is not an IPv4 address");
  const Ipv4Address from_address = source_address.value_or(sender->addresses.front());
  const auto report = trace_by(parts_.worker, {.from = sender->id,
                                               .source = from_address,
                                               .target = *target,
                                               .protocol = *protocol,
                                               .source_port = body.value("source_port", std::uint16_t{0}),
                                               .target_port = body.value("port", std::uint16_t{0}),
                                               .payload_bytes = body.value("bytes", std::uint16_t{0})});
  if (!report) return refuse(answer, 400, report.error().message);
  send_json(answer, {{"interface", sender->id.text()},
                     {"source", from_address.text()},
                     {"target", target->text()},
                     {"delivered", report->delivered},
                     {"drop_reason", report->drop_reason},
                     {"drop_explanation", report->drop_explanation},
                     {"steps", steps_of(*report)}});
}

void CardOperatorApi::capture(const OperatorRequest& request, OperatorAnswer& answer) {
  std::vector<NetworkInterfaceId> ids;
  const std::vector<std::string> names = split(query_value(request, "interfaces"));
  for (const std::string& name : names) {
    const auto interface = find(name);
    if (!interface) return refuse(answer, 404, "'" + name + "' is not on " + parts_.host.text());
    ids.push_back(interface->id);
  }
  if (names.empty())
    for (const contract::InterfaceProgram& interface : interfaces()) ids.push_back(interface.id);
  if (ids.empty()) return refuse(answer, 404, "there is no interface yet");
  stream_capture(parts_.worker, ids, to_number(query_value(request, "packets")), answer);
}

void CardOperatorApi::places(const OperatorRequest& request, OperatorAnswer& answer) {
  Json list = Json::array();
  for (const std::string& name : split(query_value(request, "names")))
    if (const auto interface = find(name))
      list.push_back({{"name", name},
                      {"instance", interface->instance->text()},
                      {"interface", interface->id.text()},
                      {"host", parts_.host.text()},
                      {"state", parts_.state},
                      {"same_machine", true}});
  send_json(answer, {{"places", list}});
}

}  // namespace enid::apps
