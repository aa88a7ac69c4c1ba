#include "control/host_settings.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace enid::control {
namespace {

using Json = nlohmann::json;

Result<void> check_range(const char* what, std::int32_t value, std::int32_t max) {
  if (value >= 1 && value <= max) return {};
  return failure(std::make_error_code(std::errc::invalid_argument),
                 fmt::format("a host has from 1 to {} {}, not {}", max, what, value));
}

Result<NetworkCardSettings> checked(const NetworkCardSettings& settings) {
  TRY(check_range("network cards", settings.network_cards, kNetworkCardsMax));
  TRY(check_range("virtual functions on each network card", settings.virtual_functions_per_card,
                  kVirtualFunctionsPerCardMax));
  return settings;
}

}  // namespace

std::string to_json(const NetworkCardSettings& settings) {
  return Json{{"network_cards", settings.network_cards},
              {"virtual_functions_per_card", settings.virtual_functions_per_card}}
      .dump();
}

Result<NetworkCardSettings> network_card_settings_from_json(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    NetworkCardSettings settings;
    settings.network_cards = json.value("network_cards", settings.network_cards);
    settings.virtual_functions_per_card =
        json.value("virtual_functions_per_card", settings.virtual_functions_per_card);
    return checked(settings);
  } catch (const Json::exception& problem) {
    return failure(std::make_error_code(std::errc::bad_message), problem.what());
  }
}

Result<NetworkCardSettings> with_request(NetworkCardSettings kept, const NetworkCardRequest& request) {
  kept.network_cards = request.network_cards.value_or(kept.network_cards);
  kept.virtual_functions_per_card =
      request.virtual_functions_per_card.value_or(kept.virtual_functions_per_card);
  return checked(kept);
}

}  // namespace enid::control
