// enid key: access keys of the daemon.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/operator_client.h"
#include "apps/operator_http.h"
#include "apps/text_table.h"

namespace enid::apps {
namespace {

void print_key(const nlohmann::json& key) {
  fmt::print("access key id      {}\nsecret access key  {}\n", key.value("access_key_id", ""),
             key.value("secret_access_key", ""));
}

void print_keys(const nlohmann::json& keys) {
  TextTable table({"ACCESS KEY ID", "CREATED"});
  for (const auto& key : keys) table.add({key.value("access_key_id", ""), key.value("created", "")});
  fmt::print("{}", table.text(""));
}

}  // namespace

int run_key(const KeyOptions& options) {
  const StateFolder folder(options.state);
  Result<nlohmann::json> answer = nlohmann::json();
  if (options.action == "create") {
    answer = ask_daemon(folder, "POST", "/keys", "{}");
  } else if (options.action == "import") {
    std::string secret = options.secret_access_key;
    if (secret.empty()) std::getline(std::cin, secret);
    const nlohmann::json body = {{"access_key_id", options.access_key_id}, {"secret_access_key", secret}};
    answer = ask_daemon(folder, "POST", "/keys", body.dump());
  } else if (options.action == "delete") {
    answer = ask_daemon(folder, "DELETE", "/keys/" + percent_encode(options.access_key_id));
  } else {
    answer = ask_daemon(folder, "GET", "/keys");
  }
  if (!answer) return complain(answer.error(), 1);
  if (options.json) {
    fmt::print("{}\n", answer->dump(2));
  } else if (options.action == "list") {
    print_keys((*answer)["keys"]);
  } else if (options.action == "delete") {
    fmt::print("deleted {}\n", options.access_key_id);
  } else {
    print_key(*answer);
  }
  return 0;
}

}  // namespace enid::apps
