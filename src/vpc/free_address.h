// Free addresses and prefixes of a subnet.
//
// Documented: VPC User Guide, "Subnet CIDR blocks": the first four addresses and the last one of
// a subnet are reserved.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

#include "base/ip_address.h"

namespace enid::vpc {

constexpr std::uint64_t kReservedAtStart = 4;
constexpr std::uint64_t kReservedAddresses = 5;
constexpr std::uint8_t kDelegatedPrefixLength = 28;

constexpr bool is_reserved(const Ipv4Prefix& subnet, Ipv4Address address) {
  const std::uint64_t index = address.value - subnet.address.value;
  return index < kReservedAtStart || index == subnet.size() - 1;
}

// The first free address at or after the `start`-th usable one, going round. `taken` is a map
// or set ordered by address. Chosen: EC2's own choice looks random; a random start does, too.
template <class Taken>
std::optional<Ipv4Address> free_address(const Ipv4Prefix& subnet, const Taken& taken, std::uint64_t start) {
  const std::uint64_t usable = subnet.size() - kReservedAddresses;
  if (taken.size() >= usable) return std::nullopt;
  const Ipv4Address first = subnet.at(kReservedAtStart);
  const Ipv4Address last = subnet.at(subnet.size() - 2);
  Ipv4Address candidate = subnet.at(kReservedAtStart + start % usable);
  auto next = taken.lower_bound(candidate);
  while (next != taken.end() && next->first == candidate) {
    if (candidate == last) {
      candidate = first;
      next = taken.lower_bound(candidate);
    } else {
      ++candidate.value;
      ++next;
    }
  }
  return candidate;
}

// A /28 none of whose addresses is taken or reserved.
template <class Taken>
std::optional<Ipv4Prefix> free_prefix(const Ipv4Prefix& subnet, const Taken& taken, std::uint64_t start) {
  constexpr std::uint64_t kSize = std::uint64_t{1} << (32 - kDelegatedPrefixLength);
  const std::uint64_t blocks = subnet.size() / kSize;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const Ipv4Prefix block{subnet.at((start + i) % blocks * kSize), kDelegatedPrefixLength};
    // The subnet's first and last block hold reserved addresses.
    if (is_reserved(subnet, block.address) || is_reserved(subnet, block.at(kSize - 1))) continue;
    const auto next = taken.lower_bound(block.address);
    if (next == taken.end() || !block.contains(next->first)) return block;
  }
  return std::nullopt;
}

}  // namespace enid::vpc
