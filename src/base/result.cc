#include "base/result.h"

#include <cerrno>

namespace enid {

std::unexpected<Error> errno_failure(std::string doing) {
  const std::error_code code(errno, std::generic_category());
  return failure(code, std::move(doing) + ": " + code.message());
}

}  // namespace enid
