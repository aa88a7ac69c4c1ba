#include "apps/client_environment.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "apps/operator_client.h"

namespace enid::apps {

Result<ClientEnvironment> client_environment(const StateFolder& folder) {
  const nlohmann::json answer = TRY(ask_daemon(folder, "GET", "/environment"));
  ClientEnvironment environment{.endpoint = answer.value("endpoint", ""),
                                .access_key_id = answer.value("access_key_id", ""),
                                .secret_access_key = answer.value("secret_access_key", ""),
                                .region = "us-east-1"};
  for (const char* name : {"AWS_DEFAULT_REGION", "AWS_REGION"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') environment.region = value;
  }
  return environment;
}

}  // namespace enid::apps
