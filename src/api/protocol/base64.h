// Base64 (RFC 4648, section 4), the form of blobs on the wire.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace enid::api::protocol {

std::string write_base64(std::string_view bytes);
// Takes text with line breaks, as tools write it, and without its padding; nothing else.
std::optional<std::string> parse_base64(std::string_view text);

}  // namespace enid::api::protocol
