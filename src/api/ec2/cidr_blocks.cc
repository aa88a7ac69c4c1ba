#include "api/ec2/cidr_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vpc/ec2_error.h"

namespace enid::api::ec2 {
namespace {

constexpr std::uint8_t kLengthMin = 16;
constexpr std::uint8_t kLengthMax = 28;

// Chosen: ranges that have their own meaning on every host; the card's link-local services
// live in the second.
constexpr std::array kReservedRanges{
    Ipv4Prefix{Ipv4Address{0x0000'0000}, 8},
    Ipv4Prefix{Ipv4Address{0xA9FE'0000}, 16},
    Ipv4Prefix{Ipv4Address{0x7F00'0000}, 8},
    Ipv4Prefix{Ipv4Address{0xE000'0000}, 3},
};

Result<Ipv4Prefix> parse_cidr_block(const std::string& text, std::string_view range_code) {
  const auto block = Ipv4Prefix::parse_loose(text);
  if (!block)
    return vpc::ec2_failure(
        "InvalidParameterValue",
        fmt::format("Value ({}) for parameter cidrBlock is invalid. This is not a valid CIDR block.", text));
  const bool reserved =
      std::ranges::any_of(kReservedRanges, [&](const Ipv4Prefix& range) { return range.overlaps(*block); });
  if (block->length < kLengthMin || block->length > kLengthMax || reserved)
    return vpc::ec2_failure(range_code, fmt::format("The CIDR '{}' is invalid.", text));
  return *block;
}

}  // namespace

Result<Ipv4Prefix> parse_vpc_cidr_block(const std::string& text) {
  return parse_cidr_block(text, "InvalidVpc.Range");
}

Result<Ipv4Prefix> parse_subnet_cidr_block(const std::string& text) {
  return parse_cidr_block(text, "InvalidSubnet.Range");
}

}  // namespace enid::api::ec2
