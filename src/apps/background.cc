#include "apps/background.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "apps/operator_client.h"

namespace enid::apps {
namespace {

void leave_the_terminal(const StateFolder& folder) {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int log = ::open(folder.log_file().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log < 0 ? nothing : log, STDOUT_FILENO);
  ::dup2(log < 0 ? nothing : log, STDERR_FILENO);
  if (::chdir("/") != 0) { /* Only keeps a mount busy. */
  }
}

[[noreturn]] void run_as_child(const StateFolder& folder, const StartProgram& start, int report) {
  leave_the_terminal(folder);
  const auto tell = [report](const std::string& text) {
    if (::write(report, text.data(), text.size()) < 0) { /* The parent is gone; the log has it. */
    }
    ::close(report);
  };
  auto run = start();
  if (!run) {
    fmt::print(stderr, "enid: {}\n", run.error().message);
    tell(run.error().message);
    std::fflush(nullptr);
    std::_Exit(1);
  }
  tell("up");
  (*run)();
  std::fflush(nullptr);
  std::_Exit(0);
}

// Reads what the child says until it closes its end.
std::string hear(int pipe) {
  std::string text;
  char chunk[512];
  for (ssize_t got = 0; (got = ::read(pipe, chunk, sizeof chunk)) > 0;) {
    text.append(chunk, static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

int run_in_foreground(const StartProgram& start, const std::function<void(pid_t)>& greet) {
  auto run = start();
  if (!run) return complain(run.error(), 1);
  greet(::getpid());
  std::fflush(stdout);
  (*run)();
  return 0;
}

int run_in_background(const StateFolder& folder, const StartProgram& start,
                      const std::function<void(pid_t)>& greet) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return complain(errno_failure("make a pipe").error(), 1);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return complain(errno_failure("fork").error(), 1);
  if (child == 0) {
    ::close(report[0]);
    run_as_child(folder, start, report[1]);
  }
  ::close(report[1]);
  const std::string said = hear(report[0]);
  if (said != "up") {
    ::waitpid(child, nullptr, 0);
    fmt::print(stderr, "enid: {}\n",
               said.empty() ? "the program died while it started; see " + folder.log_file() : said);
    return 1;
  }
  greet(child);
  return 0;
}

}  // namespace enid::apps
