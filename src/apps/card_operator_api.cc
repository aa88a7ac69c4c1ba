#include "apps/card_operator_api.h"

#include <unistd.h>

#include <algorithm>

#include "host/clock.h"

namespace enid::apps {

CardOperatorApi::CardOperatorApi(Parts parts) : parts_(std::move(parts)), started_(host::monotonic_now()) {}

void CardOperatorApi::handle(const OperatorRequest& request, OperatorAnswer& answer) {
  answer_by(answer, [&] { dispatch(request, answer); });
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
  Json json = {{"hosts", {{{"id", parts_.host.text()}, {"connected", parts_.agent.is_programmed()}}}},
               {"instances", Json::array()},
               {"interfaces", list},
               {"version", ENID_VERSION},
               {"pid", ::getpid()},
               {"uptime_seconds", (host::monotonic_now() - started_).seconds()},
               {"rss_mib", resident_mib()},
               {"endpoint", parts_.api},
               {"state", parts_.state},
               {"revision", parts_.agent.revision()}};
  add_totals(json, report);
  send_json(answer, json);
}

void CardOperatorApi::trace(const OperatorRequest& request, OperatorAnswer& answer) {
  const auto question = TraceQuestion::read(request.body);
  if (!question) return refuse(answer, 400, question.error().message);
  const auto sender = find(question->from);
  if (!sender || sender->addresses.empty())
    return refuse(answer, 404, "'" + question->from + "' is not on " + parts_.host.text());
  const auto receiver = find(question->to);
  auto target = Ipv4Address::parse(question->to);
  if (!target && receiver && !receiver->addresses.empty()) target = receiver->addresses.front();
  if (!target)
    return refuse(answer, 400, "'" + question->to + "' is neither an IPv4 address nor on this host");
  const control::TraceRequest asked = question->request(sender->id, sender->addresses.front(), *target);
  const auto report = trace_by(parts_.worker, asked);
  if (!report) return refuse(answer, 400, report.error().message);
  send_json(answer, trace_answer(asked, *report));
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
