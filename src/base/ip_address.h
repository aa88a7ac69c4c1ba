// IPv4 and IPv6 addresses and prefixes, and MAC addresses, as values.
//
//   An Ipv4Address is held in host order, so that ranges and masks are plain arithmetic.
//   A prefix that exists is canonical: no bit is set behind its length.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace enid {

struct Ipv4Address {
  std::uint32_t value = 0;  // Host order: 10.0.0.1 is 0x0a000001.

  static std::optional<Ipv4Address> parse(std::string_view text);  // Four decimal parts, no leading zeros.
  std::string text() const;
  constexpr auto operator<=>(const Ipv4Address&) const = default;
};

struct Ipv4Prefix {
  Ipv4Address address;
  std::uint8_t length = 0;

  // "10.0.0.0/16". Bits behind the length are an error; see parse_loose.
  static std::optional<Ipv4Prefix> parse(std::string_view text);
  // Clears bits behind the length instead, as EC2 does for CreateVpc, CreateSubnet and rules.
  static std::optional<Ipv4Prefix> parse_loose(std::string_view text);

  constexpr std::uint32_t mask() const { return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length); }
  constexpr bool contains(Ipv4Address a) const { return (a.value & mask()) == address.value; }
  constexpr bool contains(const Ipv4Prefix& other) const {
    return other.length >= length && contains(other.address);
  }
  constexpr bool overlaps(const Ipv4Prefix& other) const {
    return contains(other.address) || other.contains(address);
  }
  constexpr std::uint64_t size() const { return std::uint64_t{1} << (32 - length); }
  constexpr Ipv4Address at(std::uint64_t index) const {
    return {address.value + static_cast<std::uint32_t>(index)};
  }
  std::string text() const;
  constexpr auto operator<=>(const Ipv4Prefix&) const = default;
};

struct Ipv6Address {
  std::array<std::uint8_t, 16> bytes{};  // Network order.

  static std::optional<Ipv6Address> parse(std::string_view text);  // RFC 4291 section 2.2.
  std::string text() const;                                        // RFC 5952.
  constexpr auto operator<=>(const Ipv6Address&) const = default;
};

struct Ipv6Prefix {
  Ipv6Address address;
  std::uint8_t length = 0;

  static std::optional<Ipv6Prefix> parse_loose(std::string_view text);
  bool contains(const Ipv6Address& a) const;
  std::string text() const;
  constexpr auto operator<=>(const Ipv6Prefix&) const = default;
};

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  static std::optional<MacAddress> parse(std::string_view text);  // "02:ab:…", six pairs of hex digits.
  std::string text() const;
  constexpr bool is_multicast() const { return (bytes[0] & 1) != 0; }
  constexpr auto operator<=>(const MacAddress&) const = default;
};

}  // namespace enid

template <>
struct std::hash<enid::Ipv4Address> {
  std::size_t operator()(enid::Ipv4Address a) const noexcept { return std::hash<std::uint32_t>{}(a.value); }
};
