// Dispatcher: the life of a call between the gateway, which has authenticated it, and the control
// plane, which makes its changes durable.
//
// Theory of operation
//   Action -> client token seen before? -> decode and validate -> handler -> encode. Synchronous,
//   on the control thread, without I/O. What the caller must do afterwards is in the Response:
//   commit the transaction, or roll it back.
//
//   A dry run is a run: the handler does its work and finds what would refuse it, and the caller
//   takes the work back. So a dry run cannot say yes where the call would say no.
//
// Invariants
//   (1) Whatever happened, the answer has a body in the service's protocol and a request id.
//   (2) `changed` is true only for successful calls of operations of kind kChange that ran now:
//       neither dry runs nor repeated client tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/handler.h"
#include "api/idempotency_table.h"
#include "api/protocol/form.h"

namespace enid::api {

struct Call {
  std::string_view service;  // "ec2", "sts"
  const protocol::Form& parameters;
};

struct Response {
  int status = 200;
  std::string body;
  std::string_view content_type = "text/xml;charset=UTF-8";
  std::string action;   // Of the allow-list, or empty; good for counters.
  std::string code;     // EC2's error code; empty when the call succeeded.
  std::string message;  // The error's, for the log: of an internal error the body says less.
  bool changed = false;
  bool roll_back = false;
  // The record made of this call's client token, to be stored along with the changes, or erased
  // when they cannot be made.
  std::optional<IdempotencyKey> remembered;
};

// An error in the service's protocol; also for what is refused before it is dispatched.
Response error_response(const protocol::ServiceShape& service, const Error& error,
                        std::string_view request_id);

class Dispatcher {
 public:
  // The tables outlive the dispatcher.
  Dispatcher(std::vector<const OperationTable*> services, IdempotencyTable& tokens);

  // Null when there is no such service.
  const OperationTable* find_service(std::string_view service) const;
  // The kind of operation that the call asks for; kRead for what there is not.
  OperationKind kind_of(const Call& call) const;

  // `call.service` must be one of the services.
  Response dispatch(const Call& call, CallContext& context);

 private:
  std::vector<const OperationTable*> services_;
  IdempotencyTable& tokens_;
};

}  // namespace enid::api
