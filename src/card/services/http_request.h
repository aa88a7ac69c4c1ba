// HTTP requests, as much of HTTP/1.1 as the clients of a metadata service speak.
//
// Theory of operation
//   The caller keeps what a connection has received and asks after each arrival whether a whole
//   request stands at the front. A request is its head (request line and headers) and a body of
//   known length that nobody reads: IMDS requests carry none that matters.
//
// Invariants
//   (1) A head longer than kHttpHeadBytesMax or a body longer than kHttpBodyBytesMax is refused.
//   (2) Views of a request point into the bytes given to read_http_request().
//
// Documented: RFC 9112 sections 2, 3, 5 and 6; RFC 9110 section 5.5. Folded header lines and
// transfer codings are refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace enid::card {

constexpr std::size_t kHttpHeadBytesMax = 8192;
constexpr std::size_t kHttpBodyBytesMax = 4096;
constexpr std::size_t kHttpRequestBytesMax = kHttpHeadBytesMax + kHttpBodyBytesMax;

struct HttpRequest {
  std::string_view method;
  std::string_view path;  // Without the query.
  bool keep_alive = true;
  std::optional<std::string_view> metadata_token;     // X-aws-ec2-metadata-token
  std::optional<std::string_view> token_ttl_seconds;  // X-aws-ec2-metadata-token-ttl-seconds
  bool forwarded = false;                             // X-Forwarded-For came along.
};

enum class HttpReadState : std::uint8_t {
  kIncomplete,    // Wait for more.
  kComplete,      // `request` is there and takes `bytes` of the input.
  kBad,           // 400, and the connection ends.
  kTooLarge,      // 431 or 413, and the connection ends.
  kNotSupported,  // 501 or 505, and the connection ends.
};

struct HttpRead {
  HttpReadState state = HttpReadState::kIncomplete;
  std::size_t bytes = 0;
  HttpRequest request;
};

HttpRead read_http_request(ConstBytes received);

}  // namespace enid::card
