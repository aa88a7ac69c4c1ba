#include "api/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/protocol/query_decoder.h"
#include "api/protocol/xml_encoder.h"
#include "base/check.h"
#include "vpc/ec2_error.h"

namespace enid::api {
namespace {

class QueryBody : public CallBody {
 public:
  QueryBody(protocol::Protocol protocol, const protocol::Form& form) : protocol_(protocol), form_(form) {}

  Result<void> read(const protocol::OperationShape& operation, void* request) override {
    return protocol::decode_request(protocol_, form_, operation, request);
  }
  void write(const protocol::OperationShape& operation, const void* result) override {
    result_ = protocol::encode_result(operation, result);
  }

  std::string& result() { return result_; }

 private:
  protocol::Protocol protocol_;
  const protocol::Form& form_;
  std::string result_;
};

const protocol::Member* find_member(const protocol::OperationShape& operation, std::string_view name) {
  const auto found = std::ranges::find(operation.input->members, name, &protocol::Member::name);
  return found == operation.input->members.end() ? nullptr : &*found;
}

bool is_dry_run(const protocol::OperationShape& operation, const protocol::Form& form) {
  const protocol::Member* member = find_member(operation, "DryRun");
  if (member == nullptr) return false;
  const std::string* text = protocol::find_parameter(form, member->request_name);
  return text != nullptr && (*text == "true" || *text == "True");
}

// The client token of the call; empty when it has none.
std::string client_token(const protocol::OperationShape& operation, const protocol::Form& form) {
  for (const protocol::Member& member : operation.input->members) {
    // The model marks few of EC2's tokens with the trait; the name is the same everywhere.
    if (!member.idempotency_token && member.name != "ClientToken") continue;
    if (const std::string* text = protocol::find_parameter(form, member.request_name)) return *text;
  }
  return {};
}

// Over what was asked for, in whatever order: not over the signature, which differs each time.
std::uint64_t hash_of(const protocol::Form& form) {
  std::vector<const protocol::Parameter*> parameters;
  for (const protocol::Parameter& parameter : form)
    if (!protocol::is_common_parameter(parameter.name)) parameters.push_back(&parameter);
  std::ranges::sort(parameters, {}, [](const protocol::Parameter* parameter) -> const std::string& {
    return parameter->name;
  });
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits.
  const auto add = [&](std::string_view text) {
    for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
    hash = (hash ^ 0x100) * 0x100000001b3;  // No byte: ends a text.
  };
  for (const protocol::Parameter* parameter : parameters) {
    add(parameter->name);
    add(parameter->value);
  }
  return hash;
}

}  // namespace

Response error_response(const protocol::ServiceShape& service, const Error& error,
                        std::string_view request_id) {
  Response response;
  response.code = vpc::ec2_code(error);
  response.status = vpc::ec2_http_status(response.code);
  response.message = error.message;
  response.roll_back = true;
  const std::string_view message =
      vpc::is_ec2_error(error) ? std::string_view(error.message) : "An internal error has occurred";
  response.body = protocol::encode_error(service, response.code, message, response.status, request_id);
  return response;
}

Dispatcher::Dispatcher(std::vector<const OperationTable*> services, IdempotencyTable& tokens)
    : services_(std::move(services)), tokens_(tokens) {}

const OperationTable* Dispatcher::find_service(std::string_view service) const {
  const auto found = std::ranges::find_if(
      services_, [&](const OperationTable* table) { return table->service().name == service; });
  return found == services_.end() ? nullptr : *found;
}

OperationKind Dispatcher::kind_of(const Call& call) const {
  const OperationTable* table = find_service(call.service);
  const std::string* action = protocol::find_parameter(call.parameters, "Action");
  if (table == nullptr || action == nullptr) return OperationKind::kRead;
  const OperationTable::Entry* entry = table->find(*action);
  return entry == nullptr ? OperationKind::kRead : entry->kind;
}

Response Dispatcher::dispatch(const Call& call, CallContext& context) {
  const OperationTable* table = find_service(call.service);
  CHECK(table != nullptr);
  const protocol::ServiceShape& service = table->service();
  const auto refuse = [&](const Error& error) { return error_response(service, error, context.request_id); };

  const std::string* action = protocol::find_parameter(call.parameters, "Action");
  if (action == nullptr)
    return refuse(vpc::ec2_error("MissingAction", "The request must contain the parameter Action"));
  const OperationTable::Entry* entry = table->find(*action);
  if (entry == nullptr)
    return refuse(vpc::ec2_error("InvalidAction",
                                 fmt::format("The action {} is not valid for this web service.", *action)));
  const protocol::OperationShape& operation = *entry->shape;
  const auto refuse_operation = [&](const Error& error) {
    Response response = refuse(error);
    response.action = operation.name;
    return response;
  };

  Response response;
  response.action = operation.name;
  const bool dry_run = is_dry_run(operation, call.parameters);
  std::optional<IdempotencyKey> key;
  std::uint64_t hash = 0;
  if (std::string token = client_token(operation, call.parameters); !token.empty() && !dry_run) {
    key = IdempotencyKey{context.region, *action, std::move(token)};
    hash = hash_of(call.parameters);
    if (const IdempotencyRecord* record = tokens_.find(*key, context.now)) {
      if (record->parameter_hash != hash)
        return refuse_operation(vpc::ec2_error("IdempotentParameterMismatch",
                                               "Arguments on this idempotent request are inconsistent with "
                                               "arguments used in previous request(s)."));
      response.body = protocol::wrap_result(service, operation, record->result, context.request_id);
      return response;
    }
  }

  QueryBody body(service.protocol, call.parameters);
  if (const Result<void> done = entry->run(entry->handler, operation, context, body); !done)
    return refuse_operation(done.error());
  if (dry_run)
    return refuse_operation(
        vpc::ec2_error("DryRunOperation", "Request would have succeeded, but DryRun flag is set."));

  response.body = protocol::wrap_result(service, operation, body.result(), context.request_id);
  response.changed = entry->kind == OperationKind::kChange;
  if (key && response.changed) {
    tokens_.put(*key, {hash, std::move(body.result()), context.now}, context.now);
    response.remembered = std::move(key);
  }
  return response;
}

}  // namespace enid::api
