// A program that may go to the background: `enid up --detach`, `enid card --detach`.
//
// Theory of operation
//   It forks before any thread exists. The child becomes the program, with its log as standard output; it
//   tells the parent through a pipe that it is healthy, or why it is not.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "apps/state_folder.h"
#include "base/result.h"

namespace enid::apps {

// Starts the program; what it answers runs it to its end. Refused: it cannot start, and why.
using StartProgram = std::function<Result<std::function<void()>>()>;

// In this process, until its end. `greet` is called once it is healthy, with the process's id. Answers an
// exit status.
int run_in_foreground(const StartProgram& start, const std::function<void(pid_t)>& greet);
// Returns once the child is healthy, or has told why not.
int run_in_background(const StateFolder& folder, const StartProgram& start,
                      const std::function<void(pid_t)>& greet);

}  // namespace enid::apps
