// What the answers of the daemon's and of a card's operator socket have in common: JSON of counters and
// traces, and captures.
#pragma once

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

// Waits for the card's answer.
contract::CardReport report_of(control::CardLink& card);
Result<contract::TraceReport> trace_by(control::CardLink& card, const control::TraceRequest& request);

void add_port(Json& json, const contract::PortReport& port);
// To each of the interfaces (by "id") that the report knows.
void add_counters(Json& interfaces, const contract::CardReport& report);
Json steps_of(const contract::TraceReport& report);

std::optional<std::uint8_t> protocol_number(const std::string& name);
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
