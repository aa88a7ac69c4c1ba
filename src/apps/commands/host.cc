// enid host: which machines may be hosts of this control plane: credentials for them, a list, an end.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/operator_client.h"
#include "apps/operator_http.h"
#include "apps/text_table.h"

namespace enid::apps {
namespace {

std::string joined(const nlohmann::json& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word.get<std::string>();
  return text.empty() ? "any" : text;
}

void print_hosts(const nlohmann::json& hosts) {
  TextTable table({"HOST", "CONNECTED", "ADDRESS", "AVAILABILITY ZONES", "CREDENTIALS"});
  for (const auto& host : hosts) {
    const bool connected = host.value("connected", false);
    const std::string since = host.value("connected_since", "");
    table.add({host.value("id", ""), connected ? (since.empty() ? "yes" : "since " + since) : "no",
               host.value("address", "-"), joined(host.value("availability_zones", nlohmann::json::array())),
               host.value("credentials", false) ? "yes" : "-"});
  }
  fmt::print("{}", table.text(""));
}

}  // namespace

int run_host(const HostCommandOptions& options) {
  const StateFolder folder(options.state);
  Result<nlohmann::json> answer = nlohmann::json();
  if (options.action == "add") {
    const nlohmann::json body = {{"id", options.host_id}, {"availability_zones", options.availability_zones}};
    answer = ask_daemon(folder, "POST", "/hosts", body.dump());
  } else if (options.action == "remove") {
    answer = ask_daemon(folder, "DELETE", "/hosts/" + percent_encode(options.host_id));
  } else {
    answer = ask_daemon(folder, "GET", "/hosts");
  }
  if (!answer) return complain(answer.error(), 1);
  if (options.action == "add") {
    fmt::print("{}", answer->value("credentials", ""));
    fmt::print(
        stderr,
        "keep this secret (mode 0600); on {}: enid card --host-id {} --api HOST:PORT --credentials FILE "
        "--address ITS-ADDRESS\n",
        options.host_id, options.host_id);
  } else if (options.action == "remove") {
    fmt::print("removed {}\n", options.host_id);
  } else if (options.json) {
    fmt::print("{}\n", answer->dump(2));
  } else {
    print_hosts((*answer)["hosts"]);
  }
  return 0;
}

}  // namespace enid::apps
