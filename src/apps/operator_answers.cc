#include "apps/operator_answers.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <future>
#include <map>

#include "wire/ip_protocol.h"

namespace enid::apps {
namespace {

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

std::optional<std::uint8_t> protocol_number(const std::string& name) {
  if (name == "tcp") return wire::ip_protocol::kTcp;
  if (name == "udp") return wire::ip_protocol::kUdp;
  if (name == "icmp") return wire::ip_protocol::kIcmp;
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

std::unexpected<Error> not_understood(std::string message) {
  return failure(std::make_error_code(std::errc::invalid_argument), std::move(message));
}

}  // namespace

// Tags and names may be any bytes; what is not UTF-8 is replaced.
void send_json(OperatorAnswer& answer, const Json& json, int status) {
  answer.send(status, "application/json", json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void refuse(OperatorAnswer& answer, int status, const std::string& message) {
  send_json(answer, {{"error", message}}, status);
}

void answer_by(OperatorAnswer& answer, const std::function<void()>& dispatch) {
  try {
    dispatch();
  } catch (const Json::exception&) {  // The library's way to say that a member has another type.
    refuse(answer, 400, "a member of the body has the wrong type");
  }
}

contract::CardReport report_of(control::CardLink& card) {
  std::promise<contract::CardReport> promise;
  card.report([&](contract::CardReport report) { promise.set_value(std::move(report)); });
  return promise.get_future().get();
}

Result<contract::TraceReport> trace_by(control::CardLink& card, const control::TraceRequest& request) {
  std::promise<Result<contract::TraceReport>> promise;
  card.trace(request, [&](Result<contract::TraceReport> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
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
    interface["ena_express"] = {{"ena_srd_mode", counters.ena_express.mode},
                                {"ena_srd_tx_pkts", counters.ena_express.tx_pkts},
                                {"ena_srd_eligible_tx_pkts", counters.ena_express.eligible_tx_pkts},
                                {"ena_srd_rx_pkts", counters.ena_express.rx_pkts},
                                {"ena_srd_resource_utilization", counters.ena_express.resource_utilization}};
  }
}

void add_totals(Json& json, const contract::CardReport& report) {
  json["card_revision"] = report.revision;
  json["flows"] = report.flows;
  json["tracked_connections"] = report.tracked_connections;
  json["flow_cache_hits"] = report.flow_cache_hits;
  json["flow_cache_misses"] = report.flow_cache_misses;
  json["ena_express"] = report.ena_express;
}

Result<TraceQuestion> TraceQuestion::read(const std::string& text) {
  const Json body = Json::parse(text, nullptr, false);
  if (!body.is_object()) return not_understood("the body is not a JSON object");
  const std::string source = body.value("source", "");
  TraceQuestion question{.from = body.value("from", ""),
                         .to = body.value("to", ""),
                         .source = Ipv4Address::parse(source),
                         .source_port = body.value("source_port", std::uint16_t{0}),
                         .target_port = body.value("port", std::uint16_t{0}),
                         .payload_bytes = body.value("bytes", std::uint16_t{0})};
  const auto protocol = protocol_number(body.value("protocol", "tcp"));
  if (!protocol) return not_understood("the protocol is tcp, udp, icmp or a number up to 255");
  question.protocol = *protocol;
  if (!source.empty() && !question.source) return not_understood("'" + source + "' is not an IPv4 address");
  return question;
}

control::TraceRequest TraceQuestion::request(const NetworkInterfaceId& interface, Ipv4Address own_address,
                                             Ipv4Address target) const {
  return {.from = interface,
          .source = source.value_or(own_address),
          .target = target,
          .protocol = protocol,
          .source_port = source_port,
          .target_port = target_port,
          .payload_bytes = payload_bytes};
}

Json trace_answer(const control::TraceRequest& request, const contract::TraceReport& report) {
  return {{"interface", request.from.text()},  {"source", request.source.text()},
          {"target", request.target.text()},   {"delivered", report.delivered},
          {"drop_reason", report.drop_reason}, {"drop_explanation", report.drop_explanation},
          {"steps", steps_of(report)}};
}

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

std::string query_value(const OperatorRequest& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  file >> size >> resident;
  return static_cast<double>(resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) / (1 << 20);
}

void stream_capture(host::CardWorker& worker, const std::vector<NetworkInterfaceId>& interfaces,
                    std::uint64_t packets, OperatorAnswer& answer) {
  PacketCounter counter(packets);
  const auto subscription = worker.start_capture(interfaces);
  answer.begin_stream("application/x-pcapng");
  std::string blocks;
  bool open = true;
  while (open && !answer.should_end() && !counter.done()) {
    open = subscription->read(blocks, Duration::from_milliseconds(100));
    if (!blocks.empty() && !answer.write(counter.take(blocks))) break;
  }
  worker.stop_capture(subscription);
}

}  // namespace enid::apps
