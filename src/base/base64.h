// Base64: RFC 4648 section 4, with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace enid {

std::string base64_encode(std::string_view bytes);
// Line breaks and blanks are skipped, as tools that wrap lines put them there; padding may be
// missing. Empty for anything else that is not base64.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace enid
