#include "base/ip_address.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace enid {
namespace {

// A decimal number without sign or leading zero, at most `limit`; advances `text` past it.
std::optional<std::uint32_t> take_decimal(std::string_view& text, std::uint32_t limit) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > limit) return std::nullopt;
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (digits > 1 && text.front() == '0') return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::uint8_t> parse_length(std::string_view text, std::uint32_t limit) {
  const auto length = take_decimal(text, limit);
  if (!length || !text.empty()) return std::nullopt;
  return static_cast<std::uint8_t>(*length);
}

// The 16-bit groups of one side of "::". An IPv4 tail ("::ffff:1.2.3.4") makes two groups.
std::optional<std::vector<std::uint16_t>> parse_groups(std::string_view text) {
  std::vector<std::uint16_t> groups;
  while (!text.empty()) {
    const auto colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    if (part.find('.') != std::string_view::npos) {
      const auto tail = Ipv4Address::parse(part);
      if (!tail || colon != std::string_view::npos) return std::nullopt;
      groups.push_back(static_cast<std::uint16_t>(tail->value >> 16));
      groups.push_back(static_cast<std::uint16_t>(tail->value));
      return groups;
    }
    std::uint16_t group = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), group, 16);
    if (part.empty() || part.size() > 4 || error != std::errc() || end != part.data() + part.size())
      return std::nullopt;
    groups.push_back(group);
    if (colon == std::string_view::npos) return groups;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;  // A colon at the end.
  }
  return groups;
}

}  // namespace

std::optional<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  std::uint32_t value = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && !take(text, '.')) return std::nullopt;
    const auto octet = take_decimal(text, 255);
    if (!octet) return std::nullopt;
    value = value << 8 | *octet;
  }
  if (!text.empty()) return std::nullopt;
  return Ipv4Address{value};
}

std::string Ipv4Address::text() const {
  return fmt::format("{}.{}.{}.{}", value >> 24, value >> 16 & 0xff, value >> 8 & 0xff, value & 0xff);
}

std::optional<Ipv4Prefix> Ipv4Prefix::parse_loose(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = Ipv4Address::parse(text.substr(0, slash));
  const auto length = parse_length(text.substr(slash + 1), 32);
  if (!address || !length) return std::nullopt;
  Ipv4Prefix prefix{*address, *length};
  prefix.address.value &= prefix.mask();
  return prefix;
}

std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
  const auto prefix = parse_loose(text);
  if (!prefix || Ipv4Address::parse(text.substr(0, text.find('/'))) != prefix->address) return std::nullopt;
  return prefix;
}

std::string Ipv4Prefix::text() const { return fmt::format("{}/{}", address.text(), length); }

std::optional<Ipv6Address> Ipv6Address::parse(std::string_view text) {
  constexpr std::size_t kGroups = 8;
  const auto gap = text.find("::");
  const auto head = parse_groups(text.substr(0, gap));
  if (!head) return std::nullopt;
  std::vector<std::uint16_t> groups = *head;
  if (gap != std::string_view::npos) {
    const auto tail = parse_groups(text.substr(gap + 2));
    if (!tail || head->size() + tail->size() >= kGroups) return std::nullopt;
    groups.resize(kGroups - tail->size());
    groups.insert(groups.end(), tail->begin(), tail->end());
  }
  if (groups.size() != kGroups) return std::nullopt;
  Ipv6Address address;
  for (std::size_t i = 0; i < kGroups; ++i) {
    address.bytes[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    address.bytes[2 * i + 1] = static_cast<std::uint8_t>(groups[i]);
  }
  return address;
}

std::string Ipv6Address::text() const {
  const auto group = [this](std::size_t i) { return bytes[2 * i] << 8 | bytes[2 * i + 1]; };
  // RFC 5952 section 4.2: the longest run of at least two zero groups becomes "::"; the first wins.
  std::size_t best_start = 8, best_length = 1;
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && group(end) == 0) ++end;
    if (end - i > best_length) best_start = i, best_length = end - i;
    i = end + 1;
  }
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best_start) {
      text += "::";
      i += best_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", group(i));
  }
  return text;
}

std::optional<Ipv6Prefix> Ipv6Prefix::parse_loose(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = Ipv6Address::parse(text.substr(0, slash));
  const auto length = parse_length(text.substr(slash + 1), 128);
  if (!address || !length) return std::nullopt;
  Ipv6Prefix prefix{*address, *length};
  for (std::size_t bit = *length; bit < 128; ++bit)
    prefix.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> bit % 8));
  return prefix;
}

bool Ipv6Prefix::contains(const Ipv6Address& a) const {
  for (std::size_t bit = 0; bit < length; ++bit) {
    const unsigned mask = 0x80u >> bit % 8;
    if ((a.bytes[bit / 8] & mask) != (address.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

std::string Ipv6Prefix::text() const { return fmt::format("{}/{}", address.text(), length); }

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  MacAddress mac;
  for (std::size_t i = 0; i < 6; ++i) {
    if (i > 0 && text[3 * i - 1] != ':') return std::nullopt;
    const char* begin = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, mac.bytes[i], 16);
    if (error != std::errc() || end != begin + 2) return std::nullopt;
  }
  return mac;
}

std::string MacAddress::text() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2], bytes[3],
                     bytes[4], bytes[5]);
}

}  // namespace enid
