#include "vpc/virtual_function_placement.h"

#include <set>
#include <tuple>
#include <vector>

namespace enid::vpc {

std::optional<std::int32_t> choose_network_card(std::span<const NetworkCardLoad> cards,
                                                std::span<const PlacedInterface> placed,
                                                std::int32_t network_card_index) {
  const auto has_free = [&](std::size_t card) { return cards[card].in_use < cards[card].virtual_functions; };
  std::vector<std::set<std::int32_t>> carried(cards.size());  // Network cards of the instance, by host card.
  for (const PlacedInterface& interface : placed) {
    const auto card = static_cast<std::size_t>(interface.host_card);
    if (card >= cards.size()) continue;
    if (interface.network_card_index == network_card_index && has_free(card)) return interface.host_card;
    carried[card].insert(interface.network_card_index);
  }
  std::optional<std::size_t> best;
  const auto rank = [&](std::size_t card) {
    return std::tuple(carried[card].size(), cards[card].in_use, card);
  };
  for (std::size_t card = 0; card < cards.size(); ++card)
    if (has_free(card) && (!best || rank(card) < rank(*best))) best = card;
  if (!best) return std::nullopt;
  return static_cast<std::int32_t>(*best);
}

}  // namespace enid::vpc
