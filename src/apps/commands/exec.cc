// enid exec: runs a command inside an instance. It speaks to the instance's own init, so it
// works also while the daemon is away.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "apps/commands/commands.h"
#include "apps/operator_client.h"
#include "base/resource_id.h"
#include "instances/exec_client.h"

namespace enid::apps {
namespace {

// An instance's own folder.
std::string find_instance(const StateFolder& folder, const std::string& instance) {
  const std::string machine = folder.machines() + "/" + instance;
  return std::filesystem::exists(machine) ? machine : folder.instances() + "/" + instance;
}

}  // namespace

int run_exec(const ExecOptions& options) {
  if (!InstanceId::parse(options.instance)) {
    return complain(Error{std::make_error_code(std::errc::invalid_argument),
                          "'" + options.instance + "' is not an instance id (i-0123456789abcdef0)"});
  }
  StateFolder folder(options.state);
  const auto is_in = [&](const StateFolder& state) {
    return std::filesystem::exists(state.machines() + "/" + options.instance) ||
           std::filesystem::exists(state.instances() + "/" + options.instance);
  };
  if (!is_in(folder)) {
    const auto other = folder_with(folder, options.instance);
    if (!other) return complain(other.error());
    folder = *other;
  }
  instances::ExecRequest request;
  request.arguments = options.command;
  // The mark between our words and the command's is not a word of the command.
  if (!request.arguments.empty() && request.arguments.front() == "--")
    request.arguments.erase(request.arguments.begin());
  if (request.arguments.empty()) request.arguments = {"/bin/sh"};
  request.terminal = !options.no_terminal && ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  if (const char* term = std::getenv("TERM")) request.environment.push_back(std::string("TERM=") + term);
  request.on_wait = [&] { fmt::print(stderr, "{} still boots, waiting…\n", options.instance); };
  const auto status = instances::exec_in_instance(find_instance(folder, options.instance), request);
  if (!status) {
    return complain(Error{status.error().code, "cannot run a command in " + options.instance + ": " +
                                                   status.error().message + " (is it running? enid status)"});
  }
  return *status;
}

}  // namespace enid::apps
