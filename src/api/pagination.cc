#include "api/pagination.h"

#include <fmt/format.h>

#include <cstdint>

#include "api/protocol/base64.h"
#include "vpc/ec2_error.h"

namespace enid::api {
namespace {

// A token's check, so that a damaged token is refused and not taken for an id. Not a secret: a
// token shows nothing that its holder could not ask for. FNV-1a, 64 bits.
std::uint64_t checksum(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  return hash;
}

constexpr std::size_t kChecksumDigits = 16;

}  // namespace

std::string write_page_token(std::string_view last_id) {
  return protocol::write_base64(fmt::format("{:016x}{}", checksum(last_id), last_id));
}

Result<std::string> parse_page_token(std::string_view token) {
  const std::optional<std::string> text = protocol::parse_base64(token);
  if (!text || text->size() < kChecksumDigits ||
      text->substr(0, kChecksumDigits) != fmt::format("{:016x}", checksum(text->substr(kChecksumDigits))))
    return vpc::ec2_failure("InvalidNextToken", "The token '" + std::string(token) + "' is invalid");
  return text->substr(kChecksumDigits);
}

}  // namespace enid::api
