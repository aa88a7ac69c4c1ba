#include "api/sts/sts_operations.h"

#include <fmt/format.h>

#include "api/generated/sts_types.h"

namespace enid::api::sts {
namespace {

// Chosen: there are no users; each access key is the account's root. Documented: "GetCallerIdentity",
// the root user's id is the account's.
Result<GetCallerIdentityResponse> get_caller_identity(CallContext& context, const GetCallerIdentityRequest&) {
  return GetCallerIdentityResponse{
      .user_id = context.account_id,
      .account = context.account_id,
      .arn = fmt::format("arn:aws:iam::{}:root", context.account_id),
  };
}

}  // namespace

void add_operations(OperationTable& table) {
  table.add<operations::GetCallerIdentity>(get_caller_identity, OperationKind::kRead);
}

}  // namespace enid::api::sts
