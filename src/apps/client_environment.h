// What a client of the API must know: endpoint, an access key, a Region.
#pragma once

#include <string>

#include "apps/state_folder.h"
#include "base/result.h"

namespace enid::apps {

struct ClientEnvironment {
  std::string endpoint;
  std::string access_key_id;
  std::string secret_access_key;
  std::string region;  // The caller's own choice (AWS_REGION, AWS_DEFAULT_REGION), or us-east-1.
};

// Asks the daemon of this state.
Result<ClientEnvironment> client_environment(const StateFolder& folder);

}  // namespace enid::apps
