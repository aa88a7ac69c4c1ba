#include "vpc/machine_ports.h"

#include <algorithm>

#include "vpc/network_card.h"

namespace enid::vpc {

std::optional<std::uint16_t> MachinePorts::port(std::int32_t network_card_index,
                                                std::int32_t device_index) const {
  if (device_index < 0 || device_index >= per_card || network_card_index < 0) return std::nullopt;
  const std::int64_t port = std::int64_t{network_card_index} * per_card + device_index;
  if (port >= count) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

MachinePorts machine_ports(const InstanceType& type) {
  std::int32_t per_card = 0;
  for (const NetworkCard& card : network_cards_of(type)) per_card = std::max(per_card, card.max_interfaces);
  if (type.network_cards == 1) per_card = std::max<std::int32_t>(per_card, MachinePorts{}.per_card);
  return {.count = static_cast<std::uint16_t>(per_card * type.network_cards),
          .per_card = static_cast<std::uint16_t>(per_card)};
}

}  // namespace enid::vpc
