// Times as AWS writes them: ISO 8601, UTC, milliseconds ("2016-11-15T00:00:00.000Z").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace enid::api::protocol {

std::string write_timestamp(WallTime time);
// Reads "2016-11-15T00:00:00[.fraction](Z|±hh:mm)", and seconds since 1970 as a number, as the
// query protocols allow.
std::optional<WallTime> parse_timestamp(std::string_view text);

}  // namespace enid::api::protocol
