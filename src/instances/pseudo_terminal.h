// PseudoTerminal: a terminal that a program is given.
#pragma once

#include <string_view>

#include "base/result.h"
#include "host/unique_fd.h"

namespace enid::instances {

struct PseudoTerminal {
  host::UniqueFd master;
  host::UniqueFd slave;

  // `window` is "rows columns".
  static Result<PseudoTerminal> make(std::string_view window);
};

void set_window(int terminal, std::string_view window);

}  // namespace enid::instances
