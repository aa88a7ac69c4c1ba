// enid env: what other tools need in their environment, as shell exports.
#include <fmt/format.h>

#include <cstdlib>

#include "apps/client_environment.h"
#include "apps/commands/commands.h"
#include "apps/operator_client.h"

namespace enid::apps {

int run_env(const EnvOptions& options) {
  const auto environment = client_environment(StateFolder(options.state));
  if (!environment) return complain(environment.error());
  const std::string region = options.region.empty() ? environment->region : options.region;
  fmt::print(
      "export AWS_ENDPOINT_URL={}\n"
      "export AWS_ACCESS_KEY_ID={}\n"
      "export AWS_SECRET_ACCESS_KEY={}\n"
      "export AWS_DEFAULT_REGION={}\n"
      "export AWS_REGION={}\n"
      "unset AWS_SESSION_TOKEN AWS_PROFILE\n",
      environment->endpoint, environment->access_key_id, environment->secret_access_key, region, region);
  return 0;
}

}  // namespace enid::apps
