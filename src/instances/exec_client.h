// exec_in_instance: the client side of `enid exec`.
//
// Theory of operation
//   The client connects to the instance's init.sock and sends the command and its own standard
//   streams (SCM_RIGHTS); the init starts the command with them, so no byte is copied on its
//   way. With `terminal`, the init makes a pseudo terminal inside the instance and sends its
//   master back; the client copies between it and the caller's terminal, in raw mode, and
//   keeps the window's size the same. Without it, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1
//   and SIGUSR2 sent to the client are sent on to the command.
//
// Invariants: a signal ends the client while nothing runs yet. The caller's terminal is as it was when the
// function returns.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace enid::instances {

struct ExecRequest {
  std::vector<std::string> arguments;    // The command and its arguments; looked up in PATH inside.
  std::vector<std::string> environment;  // "NAME=value", beside what the instance sets itself.
  bool terminal = false;                 // Both standard input and output are terminals.
  // A virtual machine answers when its user space is up. Called once, when that takes longer than a moment.
  std::function<void()> on_wait = {};
  // Then the answer is awaited this long. Chosen: longer than any boot, also under emulation on a busy host.
  int patience_ms = 300'000;
};

// `instance_folder` is STATE/instances/<id>. Answers the command's exit status, 128 + the
// signal's number when a signal ended it, 127 when there is no such command.
Result<int> exec_in_instance(const std::string& instance_folder, const ExecRequest& request);

}  // namespace enid::instances
