// Programs that a lab starts in the background, and how they say that they are ready.
//
// Theory of operation
//   A program of ours gets a pipe as its standard output. It writes kReady when it does its work, or ends
//   with what is wrong on its standard error, which is a log file; the last line of it is the message for
//   people.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "instances/process_identity.h"

namespace enid::lab {

inline constexpr std::string_view kReady = "ready\n";

struct LabProgram {
  std::vector<std::string> arguments;  // The first is the program.
  std::string network = {};            // A namespace's name; empty: this one.
  std::string log_file = {};
  bool says_ready = true;  // False: start_program() returns at once, and all its output is the log's.
};

// Returns when the program is ready. It is the leader of its own session.
Result<instances::ProcessIdentity> start_program(const LabProgram& program);
// Runs it to its end and answers its exit status; its output goes to the log file.
Result<int> run_program(const LabProgram& program);

// What a program said last; empty: nothing.
std::string last_line(const std::string& log_file);

// The end of a process: asked, and after `patience` enforced.
void stop_process(const instances::ProcessIdentity& process, Duration patience);

// Whether this process runs a program called enid, also one whose file has been replaced since.
bool is_enid(pid_t pid);

}  // namespace enid::lab
