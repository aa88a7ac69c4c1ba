#include "sim/scenario_words.h"

#include <charconv>
#include <cmath>
#include <span>

namespace enid::sim {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kByteUnits[] = {{"B", 1},
                               {"KB", 1e3},
                               {"MB", 1e6},
                               {"GB", 1e9},
                               {"KiB", 1024},
                               {"MiB", 1024.0 * 1024},
                               {"GiB", 1024.0 * 1024 * 1024}};
constexpr Unit kTimeUnits[] = {{"ns", 1e3}, {"us", 1e6}, {"ms", 1e9}, {"s", 1e12}};
constexpr Unit kRateUnits[] = {{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {"tbit", 1e12}};
constexpr std::size_t kRangesMax = 4096;

std::optional<double> parse_number(std::string_view& word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  word.remove_prefix(static_cast<std::size_t>(end - word.data()));
  return value;
}

// Exact up to 2^53, which is beyond every limit of a scenario.
std::optional<std::uint64_t> parse_quantity(std::string_view word, std::span<const Unit> units) {
  const auto number = parse_number(word);
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != word) continue;
    const double value = std::round(*number * unit.factor);
    if (value > 9e15) return std::nullopt;
    return static_cast<std::uint64_t>(value);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_bytes(std::string_view word) { return parse_quantity(word, kByteUnits); }

std::optional<Picoseconds> parse_time(std::string_view word) {
  const auto value = parse_quantity(word, kTimeUnits);
  if (!value || *value > static_cast<std::uint64_t>(Scenario::kTimeMax)) return std::nullopt;
  return static_cast<Picoseconds>(*value);
}

std::optional<std::uint64_t> parse_rate(std::string_view word) { return parse_quantity(word, kRateUnits); }

std::optional<double> parse_fraction(std::string_view word) {
  auto value = parse_number(word);
  if (!value) return std::nullopt;
  if (word == "%")
    *value /= 100;
  else if (!word.empty())
    return std::nullopt;
  return *value <= 1 ? value : std::nullopt;
}

std::optional<std::vector<HostRange>> parse_hosts(std::string_view word) {
  std::vector<HostRange> ranges;
  while (true) {
    const std::size_t comma = word.find(',');
    const std::string_view part = word.substr(0, comma);
    const std::size_t dash = part.find('-');
    const auto first = parse_count(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_count(part.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= ClosTopology::kHostsMax) return std::nullopt;
    if (ranges.size() == kRangesMax) return std::nullopt;
    ranges.push_back({static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*last)});
    if (comma == std::string_view::npos) return ranges;
    word.remove_prefix(comma + 1);
  }
}

}  // namespace enid::sim
