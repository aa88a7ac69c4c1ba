#include "vpc/network_card.h"

#include <algorithm>
#include <charconv>

namespace enid::vpc {
namespace {

// Takes what stands before `separator` from the front of `text`, and the separator.
std::string_view take_field(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

template <class Number>
Number number(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

// "first-last:interfaces:baseline:peak:types:queues", groups joined by ';'; "-last" is left out for one card.
std::vector<NetworkCard> network_cards_of(const InstanceType& type) {
  std::vector<NetworkCard> cards;
  std::string_view groups = type.cards;
  while (!groups.empty()) {
    std::string_view group = take_field(groups, ';');
    std::string_view range = take_field(group, ':');
    const auto first = number<std::int32_t>(take_field(range, '-'));
    const auto last = range.empty() ? first : number<std::int32_t>(range);
    NetworkCard card;
    card.max_interfaces = number<std::int32_t>(take_field(group, ':'));
    card.baseline_gbps = number<double>(take_field(group, ':'));
    card.peak_gbps = number<double>(take_field(group, ':'));
    card.interface_types = take_field(group, ':');
    card.default_ena_queues = number<std::int32_t>(take_field(group, ':'));
    for (card.index = first; card.index <= last; ++card.index) cards.push_back(card);
  }
  return cards;
}

std::optional<NetworkCard> network_card(const InstanceType& type, std::int32_t index) {
  for (const NetworkCard& card : network_cards_of(type))
    if (card.index == index) return card;
  return std::nullopt;
}

}  // namespace enid::vpc
