// Placement of virtual functions: which of a host's network cards carries an interface.
//
// Theory of operation
//   A host has network cards, each of which offers virtual functions (SR-IOV); an attached interface holds
//   one. EC2 gives an instance one or several network cards of its own (NetworkCardIndex), and their
//   bandwidth adds up only when they are different cards of the host. So
//     (1) interfaces of one network card of an instance stay together on one card of the host;
//     (2) another network card of the instance goes to the card that carries the fewest of its network cards;
//     (3) of those, to the one with the fewest virtual functions in use; then to the lowest number.
//   A card without a free virtual function is no candidate, so that (1) gives way before an attachment fails.
//
// Chosen: EC2 tells nothing of its placement. The rule looks only at its arguments, so that the same history
// gives the same placement.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace enid::vpc {

// One network card of a host.
struct NetworkCardLoad {
  std::int32_t virtual_functions = 0;
  std::int32_t in_use = 0;
};

// Where an interface of the instance is already.
struct PlacedInterface {
  std::int32_t network_card_index = 0;  // The instance's.
  std::int32_t host_card = 0;           // Index into the host's cards.
};

// Index into `cards`; empty when no card has a free virtual function.
std::optional<std::int32_t> choose_network_card(std::span<const NetworkCardLoad> cards,
                                                std::span<const PlacedInterface> placed,
                                                std::int32_t network_card_index);

}  // namespace enid::vpc
