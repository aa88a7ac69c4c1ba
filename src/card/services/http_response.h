// HTTP responses as the metadata service's web server (it calls itself EC2ws) writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace enid::card {

enum class HttpStatus : std::uint16_t {
  kOk = 200,
  kBadRequest = 400,
  kUnauthorized = 401,
  kForbidden = 403,
  kNotFound = 404,
  kMethodNotAllowed = 405,
  kContentTooLarge = 413,
  kNotImplemented = 501,
};

struct HttpResponse {
  HttpStatus status = HttpStatus::kOk;
  std::string_view content_type = "text/plain";
  std::string body;
  std::int64_t token_seconds_left = 0;  // 0: no such header.
  bool keep_alive = false;
  bool without_body = false;  // The answer to HEAD.

  // An error page, as the service's own.
  static HttpResponse error(HttpStatus status);
  std::string text(WallTime now) const;
};

std::string http_date(WallTime time);  // RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".

}  // namespace enid::card
