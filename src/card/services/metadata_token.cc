#include "card/services/metadata_token.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace enid::card {
namespace {

// Format byte and zero, expiry in milliseconds (6 bytes), serial (4), hash (28).
constexpr std::uint8_t kFormat = 1;
constexpr std::size_t kExpiryOffset = 2;
constexpr std::size_t kSerialOffset = 8;
constexpr std::size_t kHashOffset = 12;
constexpr std::size_t kTokenBytes = 40;
using TokenBytes = std::array<std::uint8_t, kTokenBytes>;

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kPadding = "==";
constexpr std::size_t kDigits = 54;  // 40 bytes are 53 1/3 digits of 6 bits.

std::string encode(const TokenBytes& bytes) {
  std::string text;
  for (std::size_t digit = 0; digit < kDigits; ++digit) {
    const std::size_t bit = 6 * digit;
    const std::uint32_t next = bit / 8 + 1 < kTokenBytes ? bytes[bit / 8 + 1] : 0u;
    const std::uint32_t pair = std::uint32_t{bytes[bit / 8]} << 8 | next;
    text += kAlphabet[pair >> (10 - bit % 8) & 63];
  }
  return text.append(kPadding);
}

std::optional<TokenBytes> decode(std::string_view text) {
  if (text.size() != kDigits + kPadding.size() || !text.ends_with(kPadding)) return std::nullopt;
  TokenBytes bytes{};
  for (std::size_t digit = 0; digit < kDigits; ++digit) {
    const std::size_t value = kAlphabet.find(text[digit]);
    if (value == std::string_view::npos) return std::nullopt;
    const std::size_t bit = 6 * digit;
    const auto pair = static_cast<std::uint32_t>(value << (10 - bit % 8));
    bytes[bit / 8] |= static_cast<std::uint8_t>(pair >> 8);
    if (bit / 8 + 1 < kTokenBytes) bytes[bit / 8 + 1] |= static_cast<std::uint8_t>(pair);
  }
  return bytes;
}

void store_expiry(std::uint8_t* p, std::int64_t milliseconds) {
  store_be16(p, static_cast<std::uint16_t>(milliseconds >> 32));
  store_be32(p + 2, static_cast<std::uint32_t>(milliseconds));
}

std::int64_t load_expiry(const std::uint8_t* p) {
  return std::int64_t{load_be16(p)} << 32 | load_be32(p + 2);
}

void sign(const std::array<std::uint8_t, 32>& key, const InstanceId& instance, TokenBytes& token) {
  std::vector<std::uint8_t> message(token.begin(), token.begin() + kHashOffset);
  message.insert(message.end(), instance.text().begin(), instance.text().end());
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash;
  unsigned length = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
             hash.data(), &length) != nullptr);
  CHECK(length >= kTokenBytes - kHashOffset);
  std::copy_n(hash.begin(), kTokenBytes - kHashOffset, token.begin() + kHashOffset);
}

}  // namespace

std::string MetadataTokens::issue(WallTime now, const InstanceId& instance, std::int64_t ttl_seconds) {
  CHECK(ttl_seconds >= kTtlSecondsMin && ttl_seconds <= kTtlSecondsMax);
  TokenBytes token{};
  token[0] = kFormat;
  store_expiry(&token[kExpiryOffset], now.milliseconds_since_epoch + ttl_seconds * 1000);
  store_be32(&token[kSerialOffset], ++serial_);
  sign(key_, instance, token);
  return encode(token);
}

std::int64_t MetadataTokens::seconds_left(WallTime now, const InstanceId& instance,
                                          std::string_view token) const {
  const auto given = decode(token);
  if (!given || (*given)[0] != kFormat) return 0;
  TokenBytes expected = *given;
  sign(key_, instance, expected);
  if (CRYPTO_memcmp(expected.data(), given->data(), kTokenBytes) != 0) return 0;
  const std::int64_t left = load_expiry(&expected[kExpiryOffset]) - now.milliseconds_since_epoch;
  return left <= 0 ? 0 : (left + 999) / 1000;
}

}  // namespace enid::card
