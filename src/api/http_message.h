// One HTTP request and its answer, as the gateway sees them; host/http_listener speaks the bytes.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace enid::api {

struct HttpHeader {
  std::string name;  // As it came: names compare without regard to case.
  std::string value;
};

struct HttpRequest {
  std::string method;
  std::string target;  // Path and query, still percent-encoded.
  std::vector<HttpHeader> headers;
  std::string body;

  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  std::string_view query() const {
    const std::size_t mark = target.find('?');
    return mark == target.npos ? std::string_view() : std::string_view(target).substr(mark + 1);
  }
  // The first header of that name (lower case); null when there is none.
  const std::string* header(std::string_view lower_case_name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
  std::vector<HttpHeader> headers;
};

inline bool same_header(std::string_view name, std::string_view lower_case_name) {
  return std::ranges::equal(name, lower_case_name, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
  });
}

inline const std::string* HttpRequest::header(std::string_view lower_case_name) const {
  const auto found = std::ranges::find_if(
      headers, [&](const HttpHeader& header) { return same_header(header.name, lower_case_name); });
  return found == headers.end() ? nullptr : &found->value;
}

}  // namespace enid::api
