#include "apps/operator_answers.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <future>
#include <map>

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

}  // namespace

// Tags and names may be any bytes; what is not UTF-8 is replaced.
void send_json(OperatorAnswer& answer, const Json& json, int status) {
  answer.send(status, "application/json", json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void refuse(OperatorAnswer& answer, int status, const std::string& message) {
  send_json(answer, {{"error", message}}, status);
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

Json steps_of(const contract::TraceReport& report) {
  Json steps = Json::array();
  for (const contract::TraceStep& step : report.steps)
    steps.push_back({{"stage", step.stage}, {"verdict", step.verdict}, {"detail", step.detail}});
  return steps;
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
