// The words of a scenario that are quantities: "2MB", "50us", "100gbit", "25%", "0-7,16".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sim/scenario.h"
#include "sim/sim_time.h"

namespace enid::sim {

std::optional<std::uint64_t> parse_count(std::string_view word);
// B, KB, MB, GB are powers of 1000; KiB, MiB, GiB of 1024. A fraction is allowed ("1.5MB").
std::optional<std::uint64_t> parse_bytes(std::string_view word);
// ns, us, ms, s.
std::optional<Picoseconds> parse_time(std::string_view word);
// kbit, mbit, gbit, tbit a second.
std::optional<std::uint64_t> parse_rate(std::string_view word);
// "25%", "0.25", "1e-3"; from 0 to 1.
std::optional<double> parse_fraction(std::string_view word);
// "3", "0-7", "0-3,16,40-43"; at most 4,096 ranges.
std::optional<std::vector<HostRange>> parse_hosts(std::string_view word);

}  // namespace enid::sim
