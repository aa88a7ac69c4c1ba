#include "card/services/http_request.h"

#include <algorithm>
#include <charconv>

namespace enid::card {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || kOthers.contains(c);
  });
}

bool is_visible(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// One line without its end; RFC 9112 section 2.2 lets a lone LF end a line.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// The length of the head with its empty line; 0 when its end has not come.
std::size_t head_length(std::string_view text) {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.starts_with('\n')) return at + 2;
    if (rest.starts_with("\r\n")) return at + 3;
  }
  return 0;
}

// The part after the authority of "http://169.254.169.254/latest": proxies and odd clients send it.
std::string_view path_of(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (equal_ignoring_case(target.substr(0, kScheme.size()), kScheme)) {
    const std::size_t slash = target.find('/', kScheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find_first_of("?#"));
}

HttpReadState read_request_line(std::string_view line, HttpRequest& request) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return HttpReadState::kBad;
  request.method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(request.method) || !is_visible(target)) return HttpReadState::kBad;
  if (!version.starts_with("HTTP/")) return HttpReadState::kBad;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return HttpReadState::kNotSupported;
  request.path = path_of(target);
  if (!request.path.starts_with('/')) return HttpReadState::kBad;
  request.keep_alive = version == "HTTP/1.1";
  return HttpReadState::kComplete;
}

bool list_contains(std::string_view list, std::string_view wanted) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (equal_ignoring_case(trim(list.substr(0, comma)), wanted)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

// What the headers said of the body; empty: none of them did, so there is no body.
struct BodyLength {
  std::optional<std::size_t> bytes;
};

HttpReadState read_content_length(std::string_view value, BodyLength& body) {
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), bytes);
  if (error == std::errc::result_out_of_range) return HttpReadState::kTooLarge;
  if (value.empty() || error != std::errc() || end != value.data() + value.size()) return HttpReadState::kBad;
  if (body.bytes && *body.bytes != bytes) return HttpReadState::kBad;  // RFC 9112 section 6.3
  body.bytes = bytes;
  return bytes > kHttpBodyBytesMax ? HttpReadState::kTooLarge : HttpReadState::kComplete;
}

HttpReadState read_header(std::string_view line, HttpRequest& request, BodyLength& body) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return HttpReadState::kBad;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_token(name)) return HttpReadState::kBad;
  if (value.find('\0') != std::string_view::npos) return HttpReadState::kBad;
  if (equal_ignoring_case(name, "content-length")) return read_content_length(value, body);
  if (equal_ignoring_case(name, "transfer-encoding")) return HttpReadState::kNotSupported;
  if (equal_ignoring_case(name, "connection")) {
    if (list_contains(value, "close"))
      request.keep_alive = false;
    else if (list_contains(value, "keep-alive"))
      request.keep_alive = true;
  } else if (equal_ignoring_case(name, "x-aws-ec2-metadata-token")) {
    if (!request.metadata_token) request.metadata_token = value;
  } else if (equal_ignoring_case(name, "x-aws-ec2-metadata-token-ttl-seconds")) {
    if (!request.token_ttl_seconds) request.token_ttl_seconds = value;
  } else if (equal_ignoring_case(name, "x-forwarded-for")) {
    request.forwarded = true;
  }
  return HttpReadState::kComplete;
}

}  // namespace

HttpRead read_http_request(ConstBytes received) {
  HttpRead read;
  std::string_view text = as_text(received);
  // RFC 9112 section 2.2: empty lines before the request line are forgiven.
  while (text.starts_with("\r\n")) text.remove_prefix(2);
  const std::size_t skipped = received.size() - text.size();
  const std::size_t head_bytes = head_length(text.substr(0, kHttpHeadBytesMax));
  if (head_bytes == 0) {
    if (received.size() >= kHttpHeadBytesMax) read.state = HttpReadState::kTooLarge;
    return read;
  }

  std::string_view head = text.substr(0, head_bytes);
  read.state = read_request_line(take_line(head), read.request);
  BodyLength body;
  while (read.state == HttpReadState::kComplete) {
    const std::string_view line = take_line(head);
    if (line.empty()) break;
    read.state = read_header(line, read.request, body);
  }
  if (read.state != HttpReadState::kComplete) return read;
  read.bytes = skipped + head_bytes + body.bytes.value_or(0);
  if (read.bytes > received.size()) read.state = HttpReadState::kIncomplete;
  return read;
}

}  // namespace enid::card
