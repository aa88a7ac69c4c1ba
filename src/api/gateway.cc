#include "api/gateway.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "api/protocol/sigv4.h"
#include "vpc/ec2_error.h"
#include "vpc/regions.h"

namespace enid::api {

using vpc::ec2_failure;

namespace {

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
constexpr std::string_view kHealthPath = "/_enid/health";

std::string make_request_id(Random& random) {
  const auto bits = [&](std::uint64_t bound) { return random.below(bound); };
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", bits(1ULL << 32), bits(1 << 16), bits(1 << 12),
                     0x8000 + bits(1 << 14), bits(1ULL << 48));
}

HttpResponse to_http(Response response, const std::string& request_id) {
  return {.status = response.status,
          .content_type = std::string(response.content_type),
          .body = std::move(response.body),
          .headers = {{"x-amzn-RequestId", request_id}, {"Cache-Control", "no-cache, no-store"}}};
}

control::ClientTokenRecord token_record(const IdempotencyKey& key, const IdempotencyRecord& record) {
  return {.id = key.operation + "/" + key.token,
          .fingerprint = fmt::format("{:016x}", record.parameter_hash),
          .result = record.result,
          .time = record.made_at};
}

}  // namespace

Gateway::Gateway(control::ControlPlane& plane, Dispatcher& dispatcher, IdempotencyTable& tokens,
                 const AccessKeys& keys, Clock clock, GatewayOptions options)
    : plane_(plane),
      dispatcher_(dispatcher),
      tokens_(tokens),
      keys_(keys),
      clock_(std::move(clock)),
      options_(options),
      random_(options.seed) {}

void Gateway::handle(HttpRequest request, Respond respond) {
  if (request.path() == kHealthPath)
    return respond({.content_type = "application/json", .body = "{\"status\":\"ok\"}\n", .headers = {}});
  std::string request_id = make_request_id(random_);
  const auto refused = [&](const Error& error) { respond(refuse(request, error, request_id)); };
  if (request.path() != "/") {
    return respond({.status = 404,
                    .content_type = "text/plain",
                    .body = "There is nothing at this path.\n",
                    .headers = {{"x-amzn-RequestId", request_id}}});
  }
  if (request.method != "POST" && request.method != "GET") {
    return respond({.status = 405,
                    .content_type = "text/plain",
                    .body = "POST or GET.\n",
                    .headers = {{"x-amzn-RequestId", request_id}, {"Allow", "GET, POST"}}});
  }
  auto scope = authenticate(request);
  if (!scope) return refused(scope.error());
  auto parameters = parameters_of(request);
  if (!parameters) return refused(parameters.error());
  call(*scope, std::move(*parameters), std::move(request_id), std::move(respond));
}

Result<Gateway::Scope> Gateway::authenticate(const HttpRequest& request) {
  Scope scope;
  if (options_.auth_none) {
    const auto claimed = protocol::claimed_credential(request);
    scope = claimed ? Scope{claimed->access_key_id, claimed->region, claimed->service}
                    : Scope{"anonymous", "us-east-1", "ec2"};
  } else {
    const auto secret_of = [this](std::string_view id) { return keys_.secret_of(id); };
    const protocol::Credential credential = TRY(verifier_.verify(request, secret_of, clock_()));
    scope = {credential.access_key_id, credential.region, credential.service};
  }
  if (vpc::find_region(scope.region) == nullptr)
    return ec2_failure(scope.service == "ec2" ? "AuthFailure" : "SignatureDoesNotMatch",
                       fmt::format("Credential should be scoped to a valid Region, not '{}'.", scope.region));
  if (dispatcher_.find_service(scope.service) == nullptr)
    return ec2_failure(
        "SignatureDoesNotMatch",
        fmt::format("Credential should be scoped to a service that is served here (ec2, sts), not '{}'.",
                    scope.service));
  return scope;
}

Result<protocol::Form> Gateway::parameters_of(const HttpRequest& request) {
  protocol::Form form = TRY(protocol::parse_form(request.query()));
  if (request.method == "GET" || request.body.empty()) return form;
  const std::string* type = request.header("content-type");
  if (type != nullptr && !type->starts_with(kFormType))
    return ec2_failure("MalformedQueryString", fmt::format("The content type must be {}.", kFormType));
  protocol::Form more = TRY(protocol::parse_form(request.body));
  form.insert(form.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return form;
}

void Gateway::call(const Scope& scope, protocol::Form parameters, std::string request_id, Respond respond) {
  struct OneCall {
    Scope scope;
    protocol::Form parameters;
    std::string request_id;
    Response response;
  };
  auto one = std::make_shared<OneCall>(OneCall{scope, std::move(parameters), std::move(request_id), {}});
  const auto work = [this, one](control::Transaction& transaction) {
    CallContext context{.transaction = transaction,
                        .region = one->scope.region,
                        .account_id = transaction.account(),
                        .access_key_id = one->scope.access_key_id,
                        .request_id = one->request_id,
                        .now = transaction.now(),
                        .random = transaction.random(),
                        .strict_images = options_.strict_images};
    one->response =
        dispatcher_.dispatch({.service = one->scope.service, .parameters = one->parameters}, context);
    if (one->response.remembered)
      if (const auto* record = tokens_.find(*one->response.remembered, context.now))
        transaction.put(token_record(*one->response.remembered, *record));
    return !one->response.roll_back;
  };
  const auto done = [this, one, respond = std::move(respond)](Result<void> result) {
    if (!result) {
      if (one->response.remembered) tokens_.erase(*one->response.remembered);
      const OperationTable* table = dispatcher_.find_service(one->scope.service);
      one->response = error_response(table->service(), result.error(), one->request_id);
    }
    respond(to_http(std::move(one->response), one->request_id));
  };
  plane_.submit(scope.region, work, done);
}

HttpResponse Gateway::refuse(const HttpRequest& request, const Error& error,
                             const std::string& request_id) const {
  const auto claimed = protocol::claimed_credential(request);
  const OperationTable* table = dispatcher_.find_service(claimed ? claimed->service : "ec2");
  if (table == nullptr) table = dispatcher_.find_service("ec2");
  return to_http(error_response(table->service(), error, request_id), request_id);
}

void restore_client_tokens(const control::ControlPlane::Regions& regions, IdempotencyTable& tokens,
                           WallTime now) {
  for (const auto& [name, region] : regions) {
    for (const auto& [id, record] : region->table<control::ClientTokenRecord>()) {
      const std::size_t slash = id.find('/');
      std::uint64_t hash = 0;
      const char* end = record.fingerprint.data() + record.fingerprint.size();
      const auto read = std::from_chars(record.fingerprint.data(), end, hash, 16);
      if (slash == id.npos || read.ec != std::errc() || read.ptr != end) continue;
      tokens.put({name, id.substr(0, slash), id.substr(slash + 1)}, {hash, record.result, record.time}, now);
    }
  }
}

}  // namespace enid::api
