// Quantities as people type them: "200mbit", "100us", "1%", "256k"; and as a lab prints them.
//
// Sources: Documented: tc(8), section PARAMETERS, whose words for rates, times and sizes these are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace enid::lab {

// A share in millionths: 10,000 is 1 %.
inline constexpr std::uint32_t kWhole = 1'000'000;

// Bits a second: "200mbit", "1gbit", "1.5gbit", "800kbit", "5000bit".
Result<std::uint64_t> parse_rate(std::string_view text);
// "100us", "2ms", "1s", "500ns".
Result<Duration> parse_duration(std::string_view text);
// Millionths: "1%", "0.1%", "5%".
Result<std::uint32_t> parse_share(std::string_view text);
// Bytes: "65536", "256k", "4m"; k is 1,024.
Result<std::uint64_t> parse_bytes(std::string_view text);

std::string rate_text(std::uint64_t bits_per_second);
std::string duration_text(Duration duration);
std::string share_text(std::uint32_t millionths);
std::string bytes_text(std::uint64_t bytes);

}  // namespace enid::lab
