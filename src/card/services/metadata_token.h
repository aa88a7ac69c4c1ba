// IMDSv2 session tokens: proof that a client could send a PUT to this instance's endpoint.
//
// Theory of operation
//   A token carries its own expiry and a keyed hash over the expiry, a serial number and the
//   instance's id. Nothing is stored: a card with the same key accepts it after a restart, and
//   handing out tokens costs no memory. The text is 40 bytes in URL-safe base64, as long as
//   EC2's own tokens are.
//
// Invariants
//   (1) A token is accepted only for the instance it was made for, and only before its expiry.
//
// Documented: EC2 User Guide, "Use IMDSv2": up to 21,600 seconds; a token works only from the
// instance where it was requested. Chosen: HMAC-SHA256 cut to 28 bytes (RFC 2104 section 5).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/resource_id.h"
#include "base/time.h"

namespace enid::card {

class MetadataTokens {
 public:
  static constexpr std::int64_t kTtlSecondsMin = 1;
  static constexpr std::int64_t kTtlSecondsMax = 21'600;

  explicit MetadataTokens(const std::array<std::uint8_t, 32>& key) : key_(key) {}

  // `ttl_seconds` must be within the limits above.
  std::string issue(WallTime now, const InstanceId& instance, std::int64_t ttl_seconds);
  // Seconds the token still has, rounded up; 0 when it is not valid here and now.
  std::int64_t seconds_left(WallTime now, const InstanceId& instance, std::string_view token) const;

 private:
  std::array<std::uint8_t, 32> key_;
  std::uint32_t serial_ = 0;  // Makes two tokens of one millisecond differ.
};

}  // namespace enid::card
