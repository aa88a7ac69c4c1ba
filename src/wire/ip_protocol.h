// IANA protocol numbers that the code names.
#pragma once

#include <cstdint>

namespace enid::wire::ip_protocol {

constexpr std::uint8_t kHopByHop = 0;  // IPv6 extension header.
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kRouting = 43;   // IPv6 extension header.
constexpr std::uint8_t kFragment = 44;  // IPv6 extension header.
constexpr std::uint8_t kIcmpV6 = 58;
constexpr std::uint8_t kNoNextHeader = 59;
constexpr std::uint8_t kDestinationOptions = 60;  // IPv6 extension header.

}  // namespace enid::wire::ip_protocol
