#include "card/services/private_dns_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace enid::card {
namespace {

constexpr std::string_view kLabelPrefix = "ip-";
constexpr std::string_view kReverseSuffix = ".in-addr.arpa";

}  // namespace

std::string private_dns_label(Ipv4Address address) {
  return fmt::format("ip-{}-{}-{}-{}", address.value >> 24, address.value >> 16 & 255,
                     address.value >> 8 & 255, address.value & 255);
}

std::optional<Ipv4Address> parse_private_dns_label(std::string_view text) {
  if (!text.starts_with(kLabelPrefix) || text.contains('.')) return std::nullopt;
  std::string dotted(text.substr(kLabelPrefix.size()));
  std::ranges::replace(dotted, '-', '.');
  return Ipv4Address::parse(dotted);
}

std::optional<Ipv4Address> parse_reverse_dns_name(std::string_view name) {
  if (!name.ends_with(kReverseSuffix)) return std::nullopt;
  const auto reversed = Ipv4Address::parse(name.substr(0, name.size() - kReverseSuffix.size()));
  if (!reversed) return std::nullopt;
  const std::uint32_t v = reversed->value;
  return Ipv4Address{v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24};
}

}  // namespace enid::card
