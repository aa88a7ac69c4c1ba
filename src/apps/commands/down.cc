// enid down: asks the daemon to stop everything, and waits until its process is gone.
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "apps/commands/commands.h"
#include "apps/operator_client.h"

namespace enid::apps {
namespace {

// Chosen: instances get some seconds to end by themselves; a hundred of them end side by side.
constexpr int kWaitMs = 60'000;
constexpr int kStepMs = 20;

}  // namespace

int run_down(const DownOptions& options) {
  const StateFolder folder(options.state);
  const auto pid = folder.running_daemon();
  if (!pid) {
    if (::geteuid() != 0 && ::access(folder.path().c_str(), X_OK) != 0 && errno == EACCES) {
      fmt::print(stderr, "enid: {}\n", no_daemon_message(folder));
      return 2;
    }
    fmt::print("enid is not running on {}\n", folder.path());
    return 0;
  }
  const auto answer = ask_daemon(folder, "POST", "/shutdown");
  if (!answer) return complain(answer.error());
  for (int waited = 0; waited < kWaitMs; waited += kStepMs) {
    if (!folder.running_daemon()) {
      fmt::print("enid is down; its state stays in {}\n", folder.path());
      return 0;
    }
    ::usleep(kStepMs * 1000);
  }
  fmt::print(stderr, "enid: process {} is still busy stopping; see {}\n", *pid, folder.log_file());
  return 1;
}

}  // namespace enid::apps
