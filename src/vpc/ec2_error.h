// EC2's error codes ("InvalidVpcID.NotFound") as enid::Error.
//
// Theory of operation
//   A refusal is a Result's Error whose std::error_code belongs to one category, ec2_category().
//   Its value is the number of an interned code string, so that any layer from vpc upwards can
//   refuse in EC2's own words, and api can put the code back on the wire. Codes are literals of
//   this program: the table of interned codes is bounded, and lock-free, since refusals arise on
//   the control thread as well as on the threads that read requests.
//
// Invariants
//   (1) A code, once interned, keeps its number for the life of the process.
//   (2) An Error of another category (errno, SQLite) has the code "InternalError".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace enid::vpc {

const std::error_category& ec2_category();

// An Error with EC2's code and a message for the caller.
Error ec2_error(std::string_view code, std::string message);
// The same, ready to be returned: return ec2_failure("InvalidVpcID.NotFound", "The vpc ID … does not exist");
std::unexpected<Error> ec2_failure(std::string_view code, std::string message);

std::string ec2_code(const Error& error);
// True when the error came from ec2_error(): its message may be shown to callers.
bool is_ec2_error(const Error& error);
// The status of the HTTP answer that carries this code.
int ec2_http_status(std::string_view code);

}  // namespace enid::vpc
