#include "vpc/ec2_error.h"

#include <array>
#include <atomic>
#include <cstddef>

#include "base/check.h"

namespace enid::vpc {
namespace {

constexpr std::size_t kCodesMax = 1024;  // EC2 documents some 500.

// Slots fill from the front and are never emptied; the strings live as long as the process.
std::array<std::atomic<const std::string*>, kCodesMax> interned_codes{};

std::size_t intern(std::string_view code) {
  for (std::size_t slot = 0;; ++slot) {
    CHECK(slot < kCodesMax);
    const std::string* present = interned_codes[slot].load(std::memory_order_acquire);
    if (present == nullptr) {
      auto* const mine = new std::string(code);
      if (interned_codes[slot].compare_exchange_strong(present, mine, std::memory_order_acq_rel)) return slot;
      delete mine;  // Another thread took this slot; `present` is now its code.
    }
    if (*present == code) return slot;
  }
}

class Ec2Category : public std::error_category {
 public:
  const char* name() const noexcept override { return "ec2"; }
  // Values are slot + 1, because an error_code of value 0 means success.
  std::string message(int value) const override {
    const auto slot = static_cast<std::size_t>(value - 1);
    const std::string* code =
        slot < kCodesMax ? interned_codes[slot].load(std::memory_order_acquire) : nullptr;
    return code == nullptr ? "InternalError" : *code;
  }
};

}  // namespace

const std::error_category& ec2_category() {
  static const Ec2Category category;
  return category;
}

Error ec2_error(std::string_view code, std::string message) {
  return Error{std::error_code(static_cast<int>(intern(code)) + 1, ec2_category()), std::move(message)};
}

std::unexpected<Error> ec2_failure(std::string_view code, std::string message) {
  return std::unexpected(ec2_error(code, std::move(message)));
}

bool is_ec2_error(const Error& error) { return error.code.category() == ec2_category(); }

std::string ec2_code(const Error& error) {
  return is_ec2_error(error) ? error.code.message() : std::string("InternalError");
}

// Documented: "Error codes for the Amazon EC2 API": client errors are 400 except those of
// authentication; server errors are 500 and 503. Observed: DryRunOperation is 412; RequestExpired
// is 400 (aws-sdk-java issue 1443), and so is IncompleteSignature ("Common Errors").
int ec2_http_status(std::string_view code) {
  if (code == "DryRunOperation") return 412;
  if (code == "AuthFailure") return 401;
  if (code == "UnauthorizedOperation" || code == "OptInRequired" || code == "PendingVerification" ||
      code == "SignatureDoesNotMatch" || code == "InvalidClientTokenId" ||
      code == "MissingAuthenticationToken" || code == "AccessDenied")
    return 403;
  if (code == "InternalError" || code == "InternalFailure" || code == "InsufficientInstanceCapacity" ||
      code == "InsufficientAddressCapacity" || code == "InsufficientHostCapacity")
    return 500;
  if (code == "RequestLimitExceeded" || code == "Unavailable" || code == "ServerInternal") return 503;
  return 400;
}

}  // namespace enid::vpc
