// Program: something that the init starts, in a session of its own.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>
#include <vector>

#include "base/result.h"

namespace enid::instances {

struct Program {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;       // Beside PATH, HOME, USER and SHELL.
  std::array<int, 3> streams = {-1, -1, -1};  // -1: /dev/null.
  bool terminal = false;                      // The first stream becomes the controlling terminal.
};

// Answers the id of the process, which is also that of its process group. A command that
// cannot be run ends with status 127 (not found) or 126, and says why on its error stream.
Result<pid_t> start_program(const Program& program);

// How a shell would say it: the exit status, or 128 + the signal's number.
int shell_status(int wait_status);

}  // namespace enid::instances
