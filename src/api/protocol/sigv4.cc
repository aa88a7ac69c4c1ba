#include "api/protocol/sigv4.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <vector>

#include "api/protocol/timestamp.h"
#include "vpc/ec2_error.h"

namespace enid::api::protocol {

using vpc::ec2_error;
using vpc::ec2_failure;

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
// Documented: "Error codes for the Amazon EC2 API", RequestExpired: fifteen minutes. Observed: STS
// tells the limit in its refusal: five.
constexpr std::int64_t kEc2SkewMinutes = 15;
constexpr std::int64_t kSkewMinutes = 5;
constexpr std::int64_t kPresignedSecondsMax = 604'800;  // Seven days.

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view text) {
  Digest digest;
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

Digest hmac(const void* key, std::size_t key_size, std::string_view text) {
  Digest digest;
  unsigned size = 0;
  HMAC(EVP_sha256(), key, static_cast<int>(key_size), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  return digest;
}

std::string hex(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(64);
  for (const std::uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

std::string encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c) || (keep_slash && c == '/')) {
      encoded += c;
      continue;
    }
    encoded += '%';
    encoded += kDigits[static_cast<unsigned char>(c) >> 4];
    encoded += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return encoded;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return result;
}

// Trimmed, and runs of spaces made one.
std::string canonical_value(std::string_view value) {
  std::string result;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (blank && (result.empty() || result.back() == ' ')) continue;
    result += blank ? ' ' : c;
  }
  if (result.ends_with(' ')) result.pop_back();
  return result;
}

// A presigned URL's own signature is not part of what it signs.
std::string canonical_query(std::string_view query, bool presigned) {
  std::vector<std::pair<std::string, std::string>> parameters;
  if (query.empty()) return {};
  for (const std::string_view part : split(query, '&')) {
    const std::size_t equals = part.find('=');
    const std::string name = decode(part.substr(0, equals));
    if (part.empty() || (presigned && name == "X-Amz-Signature")) continue;
    const std::string value = equals == part.npos ? "" : decode(part.substr(equals + 1));
    parameters.emplace_back(encode(name, false), encode(value, false));
  }
  std::ranges::sort(parameters);
  std::string result;
  for (const auto& [name, value] : parameters) {
    if (!result.empty()) result += '&';
    result += name + '=' + value;
  }
  return result;
}

// What a request says of its signature, in either form.
struct Claim {
  Credential credential;
  std::vector<std::string> signed_headers;
  std::string signature;
  std::string date;                     // "20261121T093000Z"
  std::optional<std::int64_t> expires;  // Presigned only, seconds.
};

std::optional<Credential> parse_credential(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() != 5 || parts[4] != "aws4_request") return std::nullopt;
  return Credential{std::string(parts[0]), std::string(parts[1]), std::string(parts[2]),
                    std::string(parts[3])};
}

std::vector<std::string> parse_header_names(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view name : split(text, ';')) names.push_back(lower(name));
  return names;
}

std::unexpected<Error> incomplete(std::string_view what) {
  return ec2_failure("IncompleteSignature", std::string(what));
}

std::map<std::string, std::string, std::less<>> authorization_fields(std::string_view header) {
  std::map<std::string, std::string, std::less<>> fields;
  header.remove_prefix(std::min(header.size(), kAlgorithm.size()));
  for (std::string_view part : split(header, ',')) {
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    const std::size_t equals = part.find('=');
    if (equals != part.npos) fields.emplace(part.substr(0, equals), part.substr(equals + 1));
  }
  return fields;
}

Result<Claim> claim_of_header(const HttpRequest& request, const std::string& header) {
  if (!header.starts_with(kAlgorithm))
    return incomplete("Unsupported AWS 'algorithm': '" + header.substr(0, 32) + "'.");
  const auto fields = authorization_fields(header);
  std::string missing;
  for (const char* name : {"Credential", "Signature", "SignedHeaders"})
    if (!fields.contains(name))
      missing += fmt::format("Authorization header requires '{}' parameter. ", name);
  const std::string* date = request.header("x-amz-date");
  if (date == nullptr) date = request.header("date");
  if (date == nullptr)
    missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  if (!missing.empty()) return incomplete(missing + "Authorization=" + header.substr(0, 256));
  const auto credential = parse_credential(fields.find("Credential")->second);
  if (!credential)
    return incomplete(
        "Credential must have exactly 5 slash-delimited elements, e.g. "
        "keyid/date/region/service/term, got '" +
        fields.find("Credential")->second + "'.");
  return Claim{*credential, parse_header_names(fields.find("SignedHeaders")->second),
               fields.find("Signature")->second, *date, std::nullopt};
}

std::optional<std::string> query_parameter(std::string_view query, std::string_view name) {
  for (const std::string_view part : split(query, '&')) {
    const std::size_t equals = part.find('=');
    if (decode(part.substr(0, equals)) == name)
      return equals == part.npos ? std::string() : decode(part.substr(equals + 1));
  }
  return std::nullopt;
}

Result<Claim> claim_of_query(std::string_view query) {
  Claim claim;
  std::string missing;
  const auto take = [&](const char* name) {
    auto value = query_parameter(query, name);
    if (!value) missing += fmt::format("Query-string authentication requires the parameter '{}'. ", name);
    return value.value_or("");
  };
  const std::string credential = take("X-Amz-Credential");
  claim.date = take("X-Amz-Date");
  claim.signed_headers = parse_header_names(take("X-Amz-SignedHeaders"));
  claim.signature = take("X-Amz-Signature");
  const std::string expires = query_parameter(query, "X-Amz-Expires").value_or("900");
  if (!missing.empty()) return incomplete(missing);
  const auto parsed = parse_credential(credential);
  if (!parsed) return incomplete("Credential must have exactly 5 slash-delimited elements.");
  claim.credential = *parsed;
  if (expires.empty() || expires.size() > 7 || expires.find_first_not_of("0123456789") != expires.npos ||
      std::stoll(expires) < 1 || std::stoll(expires) > kPresignedSecondsMax)
    return incomplete("X-Amz-Expires must be a number of seconds between 1 and 604800.");
  claim.expires = std::stoll(expires);
  return claim;
}

Result<Claim> claim_of(const HttpRequest& request) {
  if (const std::string* header = request.header("authorization")) return claim_of_header(request, *header);
  if (query_parameter(request.query(), "X-Amz-Algorithm") == kAlgorithm)
    return claim_of_query(request.query());
  return ec2_failure("MissingAuthenticationToken", "Request is missing Authentication Token");
}

// Days since 1970-01-01. Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = year / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

// "20261121T093000Z" as seconds since 1970.
std::optional<std::int64_t> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t size) -> std::int64_t {
    std::int64_t value = 0;
    for (const char c : text.substr(at, size)) {
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const std::int64_t year = number(0, 4), month = number(4, 2), day = number(6, 2);
  const std::int64_t hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  return days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

// "20261121T093000Z" of a time.
std::string amz_date(WallTime time) {
  std::string text = write_timestamp(time);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text.substr(0, text.find('.')) + 'Z';
}

Result<void> check_time(const Claim& claim, WallTime now) {
  const auto signed_at = parse_amz_date(claim.date);
  if (!signed_at) return incomplete("Date must be in ISO-8601 'basic format'. Got '" + claim.date + "'.");
  if (claim.date.substr(0, 8) != claim.credential.date)
    return ec2_failure(
        "SignatureDoesNotMatch",
        fmt::format("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
                    "from HTTP: '{}' != '{}'.",
                    claim.credential.date, claim.date.substr(0, 8)));
  const bool ec2 = claim.credential.service == "ec2";
  const std::int64_t skew_minutes = ec2 ? kEc2SkewMinutes : kSkewMinutes;
  const std::int64_t age = now.seconds_since_epoch() - *signed_at;
  const bool expired = age > claim.expires.value_or(skew_minutes * 60);
  if (!expired && age >= -skew_minutes * 60) return {};
  if (ec2) return ec2_failure("RequestExpired", "Request has expired.");
  const auto shifted = [&](std::int64_t minutes) {
    return amz_date({now.milliseconds_since_epoch + minutes * 60'000});
  };
  return ec2_failure("SignatureDoesNotMatch",
                     expired
                         ? fmt::format("Signature expired: {} is now earlier than {} ({} - {} min.)",
                                       claim.date, shifted(-skew_minutes), shifted(0), skew_minutes)
                         : fmt::format("Signature not yet current: {} is still later than {} ({} + {} min.)",
                                       claim.date, shifted(skew_minutes), shifted(0), skew_minutes));
}

Result<std::string> canonical_headers(const HttpRequest& request, const Claim& claim) {
  if (std::ranges::find(claim.signed_headers, "host") == claim.signed_headers.end())
    return ec2_failure("SignatureDoesNotMatch",
                       "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  std::string result;
  for (const std::string& name : claim.signed_headers) {
    std::string values;
    bool present = false;
    for (const HttpHeader& header : request.headers) {
      if (!same_header(header.name, name)) continue;
      values += (present ? "," : "") + canonical_value(header.value);
      present = true;
    }
    if (!present)
      return ec2_failure("SignatureDoesNotMatch", fmt::format("The signed header '{}' is missing.", name));
    result += name + ':' + values + '\n';
  }
  return result;
}

// Headers that change a request's meaning must be signed when they are there.
Result<void> check_signed_headers(const HttpRequest& request, const Claim& claim) {
  for (const HttpHeader& header : request.headers) {
    const std::string name = lower(header.name);
    if (!name.starts_with("x-amz-") && name != "host") continue;
    if (std::ranges::find(claim.signed_headers, name) != claim.signed_headers.end()) continue;
    return ec2_failure("SignatureDoesNotMatch",
                       fmt::format("'{}' must be a 'SignedHeader' in the AWS Authorization.", name));
  }
  return {};
}

std::string join(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ";")); }

std::string canonical_path(std::string_view path) {
  // Every service but S3 encodes the path a second time. On the wire it is never empty.
  return encode(path, true);
}

// Documented: "Create a signed request": unsigned payloads are S3's alone.
Result<std::string> payload_hash(const HttpRequest& request) {
  const std::string real = hex(sha256(request.body));
  const std::string* said = request.header("x-amz-content-sha256");
  if (said == nullptr || *said == real) return real;
  return ec2_failure("SignatureDoesNotMatch",
                     "The provided 'x-amz-content-sha256' header does not match what was "
                     "computed.");
}

Error bad_signature(const Credential& credential) {
  if (credential.service == "ec2")
    return ec2_error("AuthFailure", "AWS was not able to validate the provided access credentials");
  return ec2_error(
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your AWS "
      "Secret Access Key and signing method. Consult the service documentation for details.");
}

Error unknown_key(const Credential& credential) {
  if (credential.service == "ec2")
    return ec2_error("AuthFailure", "AWS was not able to validate the provided access credentials");
  return ec2_error("InvalidClientTokenId", "The security token included in the request is invalid.");
}

}  // namespace

std::optional<Credential> claimed_credential(const HttpRequest& request) {
  const auto claim = claim_of(request);
  if (claim) return claim->credential;
  // Half a claim still says which service was meant.
  if (const std::string* header = request.header("authorization")) {
    const auto fields = authorization_fields(*header);
    const auto credential = fields.find("Credential");
    if (credential != fields.end()) return parse_credential(credential->second);
  }
  return std::nullopt;
}

const SignatureVerifier::Key& SignatureVerifier::signing_key(const Credential& credential,
                                                             const std::string& secret) {
  const std::string name =
      fmt::format("{}/{}/{}/{}", secret, credential.date, credential.region, credential.service);
  const auto found = keys_.find(name);
  if (found != keys_.end()) return found->second;
  if (keys_.size() >= kKeysMax) keys_.clear();
  const std::string first = "AWS4" + secret;
  const Digest date = hmac(first.data(), first.size(), credential.date);
  const Digest region = hmac(date.data(), date.size(), credential.region);
  const Digest service = hmac(region.data(), region.size(), credential.service);
  return keys_.emplace(name, hmac(service.data(), service.size(), "aws4_request")).first->second;
}

Result<Credential> SignatureVerifier::verify(const HttpRequest& request, const SecretOf& secret_of,
                                             WallTime now) {
  const Claim claim = TRY(claim_of(request));
  const auto secret = secret_of(claim.credential.access_key_id);
  if (!secret) return std::unexpected(unknown_key(claim.credential));
  TRY(check_time(claim, now));
  TRY(check_signed_headers(request, claim));
  const std::string headers = TRY(canonical_headers(request, claim));
  const std::string canonical =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, canonical_path(request.path()),
                  canonical_query(request.query(), claim.expires.has_value()), headers,
                  join(claim.signed_headers), TRY(payload_hash(request)));
  const std::string to_sign =
      fmt::format("{}\n{}\n{}/{}/{}/aws4_request\n{}", kAlgorithm, claim.date, claim.credential.date,
                  claim.credential.region, claim.credential.service, hex(sha256(canonical)));
  const Key& key = signing_key(claim.credential, *secret);
  const std::string expected = hex(hmac(key.data(), key.size(), to_sign));
  if (claim.signature.size() != expected.size() ||
      CRYPTO_memcmp(claim.signature.data(), expected.data(), expected.size()) != 0)
    return std::unexpected(bad_signature(claim.credential));
  return claim.credential;
}

}  // namespace enid::api::protocol
