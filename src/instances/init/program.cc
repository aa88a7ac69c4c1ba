#include "instances/init/program.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace enid::instances {
namespace {

// The folder of poweroff, shutdown and reboot comes first: they speak to our init.
const std::vector<std::string> kEnvironment = {
    "PATH=/run/enid/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
    "USER=root", "LOGNAME=root", "SHELL=/bin/bash"};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

[[noreturn]] void run(const Program& program, char* const* arguments, char* const* environment) {
  ::setsid();
  for (int stream = 0; stream < 3; ++stream) {
    int fd = program.streams[static_cast<std::size_t>(stream)];
    if (fd < 0) fd = ::open("/dev/null", O_RDWR);
    ::dup2(fd, stream);
  }
  if (program.terminal) ::ioctl(0, TIOCSCTTY, 0);
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::chdir("/root") != 0 && ::chdir("/") != 0) ::_exit(126);
  environ = const_cast<char**>(environment);
  ::execvp(arguments[0], arguments);
  const int error = errno;
  ::dprintf(2, "enid: %s: %s\n", arguments[0], std::strerror(error));
  ::_exit(error == ENOENT ? 127 : 126);
}

}  // namespace

Result<pid_t> start_program(const Program& program) {
  if (program.arguments.empty())
    return failure(std::make_error_code(std::errc::invalid_argument), "no command");
  std::vector<std::string> environment = kEnvironment;
  environment.insert(environment.end(), program.environment.begin(), program.environment.end());
  const std::vector<char*> arguments = pointers(program.arguments);
  const std::vector<char*> variables = pointers(environment);
  const pid_t child = ::fork();
  if (child < 0) return errno_failure("start " + program.arguments[0]);
  if (child == 0) run(program, arguments.data(), variables.data());
  return child;
}

int shell_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace enid::instances
