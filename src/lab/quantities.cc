#include "lab/quantities.h"

#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace enid::lab {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

// Larger units first: printing takes the first that makes no fraction of less than one.
constexpr std::array<Unit, 4> kRates = {{{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}};
constexpr std::array<Unit, 4> kTimes = {{{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}};
constexpr std::array<Unit, 1> kShares = {{{"%", kWhole / 100.0}}};
constexpr std::array<Unit, 3> kSizes = {{{"m", 1024.0 * 1024}, {"k", 1024}, {"", 1}}};

constexpr double kRateMax = 400e9;
constexpr double kTimeMax = 10e9;  // Ten seconds: beyond, a delay line would be a disk.
constexpr double kSizeMax = 1024.0 * 1024 * 1024;

Result<double> parse(std::string_view text, std::span<const Unit> units, double max, std::string_view what,
                     std::string_view example) {
  const auto refuse = [&](std::string_view why) {
    return failure(std::make_error_code(std::errc::invalid_argument),
                   "'" + std::string(text) + "' is " + std::string(why) + " " + std::string(what) + "; " +
                       std::string(example));
  };
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // The syntax admits "inf", "nan" and a sign, which no quantity of ours is.
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return refuse("not a");
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& known : units) {
    if (unit != known.name) continue;
    if (number * known.factor > max) return refuse("too large for a");
    return number * known.factor;
  }
  return refuse("not a");
}

std::string text_of(double value, std::span<const Unit> units) {
  const Unit* chosen = &units.back();
  for (const Unit& unit : units) {
    if (value < unit.factor) continue;
    chosen = &unit;
    break;
  }
  std::array<char, 32> digits;
  const double shown = std::round(value / chosen->factor * 1000) / 1000;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), shown);
  return std::string(digits.data(), end) + std::string(chosen->name);
}

}  // namespace

Result<std::uint64_t> parse_rate(std::string_view text) {
  const double rate = TRY(parse(text, kRates, kRateMax, "rate", "try 200mbit or 1gbit"));
  // Chosen: below this a single jumbo frame takes most of a second.
  if (rate < 100e3) {
    return failure(std::make_error_code(std::errc::invalid_argument),
                   "'" + std::string(text) + "' is too slow for a network; 100kbit is the least");
  }
  return static_cast<std::uint64_t>(rate);
}

Result<Duration> parse_duration(std::string_view text) {
  return Duration{static_cast<std::int64_t>(TRY(parse(text, kTimes, kTimeMax, "time", "try 100us or 2ms")))};
}

Result<std::uint32_t> parse_share(std::string_view text) {
  return static_cast<std::uint32_t>(
      std::lround(TRY(parse(text, kShares, kWhole, "share", "try 1% or 0.1%"))));
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  return static_cast<std::uint64_t>(TRY(parse(text, kSizes, kSizeMax, "size", "try 256k or 1m")));
}

std::string rate_text(std::uint64_t bits_per_second) {
  return text_of(static_cast<double>(bits_per_second), kRates);
}
std::string duration_text(Duration duration) {
  return text_of(static_cast<double>(duration.nanoseconds), kTimes);
}
std::string share_text(std::uint32_t millionths) { return text_of(millionths, kShares); }
std::string bytes_text(std::uint64_t bytes) { return text_of(static_cast<double>(bytes), kSizes); }

}  // namespace enid::lab
