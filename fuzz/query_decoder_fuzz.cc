// Any bytes as the form of any operation: decoding must refuse or give a struct, in bounded time.
// The first parameter named Action says which operation's shape is tried; without one, all are.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/generated/ec2_shapes.h"
#include "api/generated/ec2_types.h"
#include "api/protocol/query_decoder.h"
#include "base/check.h"
#include "vpc/ec2_error.h"

namespace {

using namespace enid;

template <class Operation>
void decode(const api::protocol::Form& form) {
  const auto* shape = api::protocol::find_operation(api::ec2::service_shape(), Operation::kName);
  typename Operation::Request request;
  const auto decoded = api::protocol::decode_request(api::protocol::Protocol::kEc2, form, *shape, &request);
  // A refusal is in EC2's words.
  if (!decoded) CHECK(vpc::is_ec2_error(decoded.error()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto form = api::protocol::parse_form({reinterpret_cast<const char*>(data), size});
  if (!form) return 0;
  const std::string* action = api::protocol::find_parameter(*form, "Action");
#define DECODE(name) \
  if (action == nullptr || *action == #name) decode<api::ec2::operations::name>(*form);
  ENID_EC2_OPERATIONS(DECODE);
#undef DECODE
  return 0;
}
