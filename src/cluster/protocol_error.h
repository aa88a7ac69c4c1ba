// The other end of the stream has broken the rules of messages.h: the stream ends, with this said.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace enid::cluster {

inline std::unexpected<Error> protocol_error(std::string what) {
  return failure(std::make_error_code(std::errc::protocol_error), std::move(what));
}

}  // namespace enid::cluster
