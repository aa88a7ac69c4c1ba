// What the control plane remembers of a host, as the store keeps it: "hosts/host-1" -> JSON.
//
//   `enid up` may say something else than last time; what it does not say stays as it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/hosts.h"

namespace enid::control {

constexpr std::string_view kHostsPrefix = "hosts/";

std::string to_json(const HostDescription& host);  // Without its id.
// What is missing keeps its default.
Result<HostDescription> host_description_from_json(std::string_view text);

// Refused: more or less than a host can have.
Result<void> check_network_cards(const NetworkCardSettings& settings);

// What is asked for on top of what was kept, checked.
struct NetworkCardRequest {
  std::optional<std::int32_t> network_cards = {};
  std::optional<std::int32_t> virtual_functions_per_card = {};
};
Result<NetworkCardSettings> with_request(NetworkCardSettings kept, const NetworkCardRequest& request);

}  // namespace enid::control
