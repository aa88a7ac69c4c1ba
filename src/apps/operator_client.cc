#include "apps/operator_client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "apps/operator_http.h"

namespace enid::apps {

std::string no_daemon_message(const StateFolder& folder) {
  if (::geteuid() != 0 && ::access(folder.path().c_str(), X_OK) != 0 && errno == EACCES) {
    return fmt::format("the state {} is readable by root only; try: sudo enid …", folder.path());
  }
  return fmt::format("no enid runs on the state {}; start it with: enid up --detach{}", folder.path(),
                     folder.path() == kDefaultState ? "" : " --state " + folder.path());
}

Result<nlohmann::json> ask_daemon(const StateFolder& folder, std::string_view method, std::string_view target,
                                  std::string_view body) {
  auto reply = operator_call(folder.socket(), method, target, body);
  if (!reply) {
    if (reply.error().code == std::errc::connection_refused ||
        reply.error().code == std::errc::no_such_file_or_directory ||
        reply.error().code == std::errc::permission_denied) {
      reply.error().message = no_daemon_message(folder);
    }
    return std::unexpected(std::move(reply).error());
  }
  nlohmann::json answer = nlohmann::json::parse(reply->body, nullptr, false);
  if (reply->status >= 300 || answer.is_discarded()) {
    const std::string why = answer.is_object() ? answer.value("error", "") : "";
    return failure(std::make_error_code(std::errc::invalid_argument),
                   why.empty() ? fmt::format("the daemon answered {} to {}", reply->status, target) : why);
  }
  return answer;
}

Result<StateFolder> folder_with(const StateFolder& asked, const std::string& name) {
  const auto answer = ask_daemon(asked, "GET", "/place?names=" + percent_encode(name));
  // Nobody answers, or nobody knows: then it can only be here, as instances outlive the daemon.
  if (!answer) return asked;
  for (const auto& place : answer->value("places", nlohmann::json::array())) {
    const std::string host = place.value("host", ""), state = place.value("state", "");
    if (place.value("same_machine", false) && ::access(state.c_str(), X_OK) == 0) return StateFolder(state);
    return failure(std::make_error_code(std::errc::no_such_device),
                   fmt::format("{} is on {}; run the command there{}", name, host,
                               state.empty() ? "" : ", with: --state " + state));
  }
  return asked;
}

int complain(const Error& error, int exit_status) {
  fmt::print(stderr, "enid: {}\n", error.message);
  return exit_status;
}

}  // namespace enid::apps
