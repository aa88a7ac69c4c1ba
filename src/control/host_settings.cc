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

}  // namespace

Result<void> check_network_cards(const NetworkCardSettings& settings) {
  TRY(check_range("network cards", settings.network_cards, kNetworkCardsMax));
  TRY(check_range("virtual functions on each network card", settings.virtual_functions_per_card,
                  kVirtualFunctionsPerCardMax));
  return {};
}

std::string to_json(const HostDescription& host) {
  return Json{{"network_cards", host.network_cards.network_cards},
              {"virtual_functions_per_card", host.network_cards.virtual_functions_per_card},
              {"availability_zones", host.availability_zones},
              {"underlay_address", host.underlay_address.text()},
              {"underlay_mtu", host.underlay_mtu}}
      .dump();
}

Result<HostDescription> host_description_from_json(std::string_view text) {
  HostDescription host;
  try {
    const Json json = Json::parse(text);
    NetworkCardSettings& cards = host.network_cards;
    cards.network_cards = json.value("network_cards", cards.network_cards);
    cards.virtual_functions_per_card =
        json.value("virtual_functions_per_card", cards.virtual_functions_per_card);
    host.availability_zones = json.value("availability_zones", host.availability_zones);
    host.underlay_mtu = json.value("underlay_mtu", host.underlay_mtu);
    const auto address = Ipv4Address::parse(json.value("underlay_address", "0.0.0.0"));
    if (!address) return failure(std::make_error_code(std::errc::bad_message), "an odd underlay address");
    host.underlay_address = *address;
  } catch (const Json::exception& problem) {
    return failure(std::make_error_code(std::errc::bad_message), problem.what());
  }
  TRY(check_network_cards(host.network_cards));
  return host;
}

Result<NetworkCardSettings> with_request(NetworkCardSettings kept, const NetworkCardRequest& request) {
  kept.network_cards = request.network_cards.value_or(kept.network_cards);
  kept.virtual_functions_per_card =
      request.virtual_functions_per_card.value_or(kept.virtual_functions_per_card);
  TRY(check_network_cards(kept));
  return kept;
}

}  // namespace enid::control
