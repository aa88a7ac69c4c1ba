#include "card/services/metadata_server.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "card/services/metadata_tree.h"

namespace enid::card {
namespace {

constexpr std::string_view kTokenPath = "api/token";
constexpr std::string_view kUserDataPath = "user-data";
constexpr std::string_view kLatest = "latest";

// Documented: EC2 User Guide, "Access instance metadata", the listing of "/", and the versions
// that the AWS SDKs' and cloud-init's sources name since.
constexpr std::array<std::string_view, 28> kVersions{
    "1.0",        "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01",
    "2008-09-01", "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05",
    "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24",
    "2019-10-01", "2020-10-27", "2021-01-03", "2021-03-23", "2021-07-15", "2022-09-24", "2024-04-11"};

std::string version_listing() {
  std::string text;
  for (const std::string_view version : kVersions) text.append(version).append("\n");
  return text.append(kLatest);
}

// What follows "/latest/" or "/<date>/"; empty when the path begins with no version.
std::optional<std::string_view> path_below_version(std::string_view path) {
  path.remove_prefix(1);
  const std::size_t slash = path.find('/');
  const std::string_view version = path.substr(0, slash);
  if (version != kLatest && std::ranges::find(kVersions, version) == kVersions.end()) return std::nullopt;
  return slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

HttpStatus status_of(HttpReadState state) {
  if (state == HttpReadState::kTooLarge) return HttpStatus::kContentTooLarge;
  return state == HttpReadState::kNotSupported ? HttpStatus::kNotImplemented : HttpStatus::kBadRequest;
}

bool is_token_request(const HttpRequest& request) {
  return request.method == "PUT" && path_below_version(request.path) == kTokenPath;
}

}  // namespace

MetadataServer::Answer MetadataServer::answer(WallTime now, const contract::InstanceProgram& instance,
                                              const HttpRead& read) {
  if (read.state != HttpReadState::kComplete)
    return {.text = HttpResponse::error(status_of(read.state)).text(now), .close = true};
  HttpResponse response = instance.metadata_options.endpoint_enabled
                              ? respond(now, instance, read.request)
                              : HttpResponse::error(HttpStatus::kForbidden);
  response.keep_alive = read.request.keep_alive;
  response.without_body = read.request.method == "HEAD";
  Answer answer{.text = response.text(now), .close = !response.keep_alive};
  if (is_token_request(read.request)) answer.time_to_live = instance.metadata_options.hop_limit;
  return answer;
}

HttpResponse MetadataServer::respond(WallTime now, const contract::InstanceProgram& instance,
                                     const HttpRequest& request) {
  if (is_token_request(request)) return give_token(now, instance, request);
  if (request.method != "GET" && request.method != "HEAD")
    return HttpResponse::error(HttpStatus::kMethodNotAllowed);
  return get(now, instance, request);
}

HttpResponse MetadataServer::give_token(WallTime now, const contract::InstanceProgram& instance,
                                        const HttpRequest& request) {
  // Documented: a reverse proxy that lets strangers in adds this header, and shall get no token.
  if (request.forwarded) return HttpResponse::error(HttpStatus::kForbidden);
  const auto seconds = request.token_ttl_seconds ? parse_seconds(*request.token_ttl_seconds) : std::nullopt;
  if (!seconds || *seconds < MetadataTokens::kTtlSecondsMin || *seconds > MetadataTokens::kTtlSecondsMax)
    return HttpResponse::error(HttpStatus::kBadRequest);
  HttpResponse response;
  response.body = tokens_.issue(now, instance.id, *seconds);
  response.token_seconds_left = *seconds;
  return response;
}

HttpResponse MetadataServer::get(WallTime now, const contract::InstanceProgram& instance,
                                 const HttpRequest& request) {
  HttpResponse response;
  if (request.metadata_token) {
    response.token_seconds_left = tokens_.seconds_left(now, instance.id, *request.metadata_token);
    if (response.token_seconds_left == 0) return HttpResponse::error(HttpStatus::kUnauthorized);
  } else if (instance.metadata_options.tokens_required) {
    return HttpResponse::error(HttpStatus::kUnauthorized);
  }
  if (request.path == "/") {
    response.body = version_listing();
    return response;
  }
  const auto path = path_below_version(request.path);
  if (!path) return HttpResponse::error(HttpStatus::kNotFound);
  if (*path == kTokenPath) return HttpResponse::error(HttpStatus::kMethodNotAllowed);
  auto text = metadata_at(instance.metadata, *path);
  if (!text) return HttpResponse::error(HttpStatus::kNotFound);
  response.body = *std::move(text);
  if (*path == kUserDataPath) response.content_type = "application/octet-stream";
  return response;
}

}  // namespace enid::card
