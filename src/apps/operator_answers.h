// What the answers of the daemon's and of a card's operator socket have in common: JSON of counters and
// traces, and captures.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/operator_http.h"
#include "contract/card_report.h"
#include "control/card_link.h"
#include "host/card_worker.h"

namespace enid::apps {

using Json = nlohmann::json;

void send_json(OperatorAnswer& answer, const Json& json, int status = 200);
// {"error": message}
void refuse(OperatorAnswer& answer, int status, const std::string& message);
// Calls `dispatch`, which may read members of the body by their types.
void answer_by(OperatorAnswer& answer, const std::function<void()>& dispatch);

// Waits for the card's answer.
contract::CardReport report_of(control::CardLink& card);
Result<contract::TraceReport> trace_by(control::CardLink& card, const control::TraceRequest& request);

void add_port(Json& json, const contract::PortReport& port);
// To each of the interfaces (by "id") that the report knows.
void add_counters(Json& interfaces, const contract::CardReport& report);
// Of the whole card.
void add_totals(Json& json, const contract::CardReport& report);

// The body of POST /trace.
struct TraceQuestion {
  std::string from;  // An interface or an instance.
  std::string to;    // The same, or an address.
  std::optional<Ipv4Address> source;
  std::uint8_t protocol = 0;
  std::uint16_t source_port = 0;
  std::uint16_t target_port = 0;
  std::uint16_t payload_bytes = 0;

  // Fails with a message for people.
  static Result<TraceQuestion> read(const std::string& body);
  control::TraceRequest request(const NetworkInterfaceId& interface, Ipv4Address own_address,
                                Ipv4Address target) const;
};
Json trace_answer(const control::TraceRequest& request, const contract::TraceReport& report);

// "a,b" as two words.
std::vector<std::string> split(const std::string& text);
std::string query_value(const OperatorRequest& request, const char* name);
// Of this process.
double resident_mib();

// Streams pcapng until the reader hangs up or `packets` have been sent; 0: no end.
void stream_capture(host::CardWorker& worker, const std::vector<NetworkInterfaceId>& interfaces,
                    std::uint64_t packets, OperatorAnswer& answer);
std::uint64_t to_number(const std::string& text);

}  // namespace enid::apps
