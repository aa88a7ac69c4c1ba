// refused(): the answer to a request of the client that cannot be granted. The error number travels
// in the reply; the text is for the log of whoever runs the device.
#pragma once

#include <cerrno>
#include <string>

#include "base/result.h"

namespace enid::pci {

inline std::unexpected<Error> refused(int error_number, std::string because) {
  return failure(std::error_code(error_number, std::generic_category()), std::move(because));
}

}  // namespace enid::pci
