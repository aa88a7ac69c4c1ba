#include "control/host_network_cards.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace enid::control {

HostNetworkCards::HostNetworkCards(NetworkCardSettings settings, std::string host) : host_(std::move(host)) {
  resize(settings);
}

std::optional<VirtualFunction> HostNetworkCards::choose(std::span<const vpc::PlacedInterface> placed,
                                                        std::int32_t network_card_index) const {
  const std::optional<std::int32_t> card = vpc::choose_network_card(loads_, placed, network_card_index);
  if (!card) return std::nullopt;
  const std::vector<bool>& in_use = in_use_[static_cast<std::size_t>(*card)];
  const auto free = std::find(in_use.begin(), in_use.end(), false);
  CHECK(free != in_use.end());  // Its load says that there is one.
  return VirtualFunction{
      .host = host_, .card = *card, .number = static_cast<std::int32_t>(free - in_use.begin())};
}

bool HostNetworkCards::has(const VirtualFunction& function) const {
  return function.host == host_ && function.card >= 0 && function.card < settings_.network_cards &&
         function.number >= 0 && function.number < settings_.virtual_functions_per_card;
}

bool HostNetworkCards::is_free(const VirtualFunction& function) const {
  return has(function) &&
         !in_use_[static_cast<std::size_t>(function.card)][static_cast<std::size_t>(function.number)];
}

void HostNetworkCards::hold(const VirtualFunction& function) {
  CHECK(is_free(function));
  const auto card = static_cast<std::size_t>(function.card);
  in_use_[card][static_cast<std::size_t>(function.number)] = true;
  ++loads_[card].in_use;
  --free_;
}

void HostNetworkCards::release(const VirtualFunction& function) {
  CHECK(has(function) && !is_free(function));
  const auto card = static_cast<std::size_t>(function.card);
  in_use_[card][static_cast<std::size_t>(function.number)] = false;
  --loads_[card].in_use;
  ++free_;
}

std::optional<VirtualFunction> HostNetworkCards::first_lost_with(const NetworkCardSettings& settings) const {
  for (std::size_t card = 0; card < in_use_.size(); ++card) {
    const bool stays = card < static_cast<std::size_t>(settings.network_cards);
    for (std::size_t number = 0; number < in_use_[card].size(); ++number) {
      const bool lost = !stays || number >= static_cast<std::size_t>(settings.virtual_functions_per_card);
      if (lost && in_use_[card][number])
        return VirtualFunction{.host = host_,
                               .card = static_cast<std::int32_t>(card),
                               .number = static_cast<std::int32_t>(number)};
    }
  }
  return std::nullopt;
}

void HostNetworkCards::resize(const NetworkCardSettings& settings) {
  CHECK(!first_lost_with(settings));
  settings_ = settings;
  const auto cards = static_cast<std::size_t>(settings.network_cards);
  const auto functions = static_cast<std::size_t>(settings.virtual_functions_per_card);
  in_use_.resize(cards);
  loads_.resize(cards);
  free_ = 0;
  for (std::size_t card = 0; card < cards; ++card) {
    in_use_[card].resize(functions, false);
    loads_[card].virtual_functions = settings.virtual_functions_per_card;
    free_ += loads_[card].virtual_functions - loads_[card].in_use;
  }
}

}  // namespace enid::control
