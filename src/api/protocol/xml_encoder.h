// Answers of the query protocols (`ec2` and `query`), written from the model's structs as XML.
//
// Theory of operation
//   An answer is a result, which depends on the operation's output alone, in an envelope, which
//   adds the request id. They are separate steps because a repeated client token gives the stored
//   result in a new envelope. Empty optionals are left out; empty lists are empty elements, as in
//   most of EC2's answers.
#pragma once

#include <string>
#include <string_view>

#include "api/protocol/shape.h"

namespace enid::api::protocol {

// The elements of the result, without any envelope. `result` is the struct of operation.output;
// it is not read when the operation has no output: that result is <return>true</return>.
std::string encode_result(const OperationShape& operation, const void* result);

std::string wrap_result(const ServiceShape& service, const OperationShape& operation, std::string_view result,
                        std::string_view request_id);

std::string encode_error(const ServiceShape& service, std::string_view code, std::string_view message,
                         int http_status, std::string_view request_id);

}  // namespace enid::api::protocol
