#include "lab/lab_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>

#include "host/unique_fd.h"
#include "instances/network_namespace.h"
#include "lab/named_namespace.h"

namespace enid::lab {
namespace {

// Chosen: a program on a busy machine; it is a matter of milliseconds on an idle one.
constexpr int kStartPatienceMs = 20'000;

// In the child: only calls that are safe after a fork.
[[noreturn]] void become(char* const* arguments, int output, int log) {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(output >= 0 ? output : log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

// A process is in its namespace from its first moment, so that whoever looks there never misses it.
Result<pid_t> spawn(const LabProgram& program, int output) {
  const host::UniqueFd log(
      ::open(program.log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!log.is_open()) return errno_failure("open " + program.log_file);
  std::vector<char*> arguments;
  for (const std::string& argument : program.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::optional<instances::NetworkNamespaceScope> inside;
  if (!program.network.empty()) {
    const host::UniqueFd network = TRY(open_namespace(program.network));
    inside.emplace(TRY(instances::NetworkNamespaceScope::enter(network)));
  }
  const pid_t child = ::fork();
  if (child < 0) return errno_failure("fork");
  if (child == 0) become(arguments.data(), output, log.get());
  return child;
}

// True when kReady came; false when the program closed its output or took too long.
bool hear_ready(int pipe) {
  std::string heard;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kStartPatienceMs);
  while (!heard.ends_with(kReady)) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd waiting{pipe, POLLIN, 0};
    if (left.count() <= 0) return false;
    if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0 && errno != EINTR) return false;
    std::array<char, 256> chunk;
    const ssize_t got = ::read(pipe, chunk.data(), chunk.size());
    if (got <= 0) return false;
    heard.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return true;
}

std::string words_of(const LabProgram& program) {
  std::string words = "enid";
  for (std::size_t i = 1; i < program.arguments.size(); ++i) words += " " + program.arguments[i];
  return words;
}

}  // namespace

std::string last_line(const std::string& log_file) {
  std::ifstream file(log_file);
  std::string line;
  std::string last;
  while (std::getline(file, line))
    if (!line.empty()) last = line;
  return last;
}

Result<instances::ProcessIdentity> start_program(const LabProgram& program) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_failure("make a pipe");
  const host::UniqueFd ours(ends[0]);
  host::UniqueFd theirs(ends[1]);
  const pid_t child = TRY(spawn(program, program.says_ready ? theirs.get() : -1));
  theirs.reset();
  const auto identity = instances::ProcessIdentity::of(child);
  if (identity && (!program.says_ready || hear_ready(ours.get()))) return *identity;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const std::string said = last_line(program.log_file);
  return failure(std::make_error_code(std::errc::no_child_process),
                 words_of(program) + " does not start: " + (said.empty() ? "it says nothing" : said));
}

Result<int> run_program(const LabProgram& program) {
  const pid_t child = TRY(spawn(program, -1));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return errno_failure("wait for a program");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void stop_process(const instances::ProcessIdentity& process, Duration patience) {
  const host::UniqueFd ended = process.open();
  if (!ended.is_open()) return;
  ::kill(process.pid, SIGTERM);
  pollfd waiting{ended.get(), POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(patience.milliseconds())) != 0) return;
  ::kill(process.pid, SIGKILL);
  ::poll(&waiting, 1, 5000);
}

bool is_enid(pid_t pid) {
  std::array<char, 4096> path;
  const ssize_t length =
      ::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), path.data(), path.size());
  std::string name = length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : std::string();
  constexpr std::string_view kReplaced = " (deleted)";
  if (name.ends_with(kReplaced)) name.resize(name.size() - kReplaced.size());
  return name == "enid" || name.ends_with("/enid");
}

}  // namespace enid::lab
