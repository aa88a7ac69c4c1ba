// enid aws: the AWS CLI, pointed at the daemon.
//
//   The endpoint goes as --endpoint-url, because AWS CLI before 2.13 does not know
//   AWS_ENDPOINT_URL. A caller's own AWS_ACCESS_KEY_ID stays; else the daemon's first key is used.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "apps/client_environment.h"
#include "apps/commands/commands.h"
#include "apps/operator_client.h"

namespace enid::apps {
namespace {

// Debian's own first: a version manager's shim in PATH may start slowly or need its own set-up.
std::string find_aws() {
  std::vector<std::string> folders = {"/usr/bin", "/usr/local/bin"};
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    folders.push_back(rest.substr(0, colon));
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  for (const std::string& folder : folders) {
    const std::string candidate = folder + "/aws";
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

}  // namespace

int run_aws(const AwsOptions& options) {
  const std::string program = find_aws();
  if (program.empty()) {
    fmt::print(stderr, "enid: there is no aws command; install it with: apt-get install awscli\n");
    return 127;
  }
  const auto environment = client_environment(StateFolder(options.state));
  if (!environment) return complain(environment.error());
  if (std::getenv("AWS_ACCESS_KEY_ID") == nullptr) {
    ::setenv("AWS_ACCESS_KEY_ID", environment->access_key_id.c_str(), 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", environment->secret_access_key.c_str(), 1);
    ::unsetenv("AWS_SESSION_TOKEN");
    ::unsetenv("AWS_PROFILE");
  }
  ::setenv("AWS_DEFAULT_REGION", environment->region.c_str(), 1);
  ::setenv("AWS_PAGER", "", 0);
  std::vector<std::string> words = {program, "--endpoint-url", environment->endpoint};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  fmt::print(stderr, "enid: cannot run {}: {}\n", program, std::strerror(errno));
  return 126;
}

}  // namespace enid::apps
