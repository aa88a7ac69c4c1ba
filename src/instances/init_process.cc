#include "instances/init_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace enid::instances {
namespace {

bool wait_readable(int fd, int timeout_ms) {
  pollfd waiting{fd, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

// Between clone and exec in a copy of a process with many threads: system calls only.
[[noreturn]] void become_init(const char* program, char* const* arguments, int ready) {
  ::setsid();  // Not of the daemon's session: nothing that ends the one ends the other.
  const int null = ::open("/dev/null", O_RDWR);
  for (int stream = 0; stream < 3; ++stream) ::dup2(null, stream);
  if (ready == 3)
    ::fcntl(3, F_SETFD, 0);
  else
    ::dup2(ready, 3);
  ::syscall(SYS_close_range, 4U, ~0U, 0U);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  std::array<char*, 2> environment = {path, nullptr};
  ::execve(program, arguments, environment.data());
  static constexpr char kMessage[] = "the program of process 1 cannot be run";
  [[maybe_unused]] const ssize_t said = ::write(3, kMessage, sizeof kMessage - 1);
  ::_exit(127);
}

}  // namespace

bool InitProcess::wait_until_ended(int timeout_ms) const {
  if (!wait_readable(process.get(), timeout_ms)) return false;
  siginfo_t ignored{};
  ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process.get()), &ignored, WEXITED | WNOHANG);
  return true;
}

void InitProcess::kill() const { ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0); }

Result<InitProcess> InitProcess::open(const ProcessIdentity& identity) {
  InitProcess init;
  init.identity = identity;
  init.process = identity.open();
  if (!init.process.is_open())
    return failure(std::make_error_code(std::errc::no_such_process), "the instance does not run");
  const std::string path = "/proc/" + std::to_string(identity.pid) + "/ns/net";
  init.network = host::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!init.network.is_open()) return errno_failure("open " + path);
  return init;
}

Result<StartedInit> start_init(const std::string& program, const std::string& folder,
                               const std::vector<std::string>& hidden) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return errno_failure("make a pipe");
  host::UniqueFd ready(pipe[0]);
  host::UniqueFd ready_in_child(pipe[1]);

  std::vector<char*> arguments = {const_cast<char*>("enid"), const_cast<char*>("instance-init"),
                                  const_cast<char*>(folder.c_str())};
  for (const std::string& each : hidden) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  constexpr unsigned long kNamespaces =
      CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWIPC;
  // The system call itself, as fork(2) but for the flags: no new stack, no exit handlers.
  const auto child =
      static_cast<pid_t>(::syscall(SYS_clone, kNamespaces | SIGCHLD, nullptr, nullptr, nullptr, 0));
  if (child < 0) return errno_failure("make the instance's namespaces");
  if (child == 0) become_init(program.c_str(), arguments.data(), ready_in_child.get());

  const std::optional<ProcessIdentity> identity = ProcessIdentity::of(child);
  Result<InitProcess> init = InitProcess::open(identity.value_or(ProcessIdentity{}));
  if (!init) {
    ::waitpid(child, nullptr, WNOHANG);
    return std::unexpected(std::move(init).error());
  }
  return StartedInit{*std::move(init), std::move(ready)};
}

Result<void> wait_until_ready(const host::UniqueFd& ready, int timeout_ms) {
  std::string said;
  while (wait_readable(ready.get(), timeout_ms)) {
    std::array<char, 512> bytes;
    const ssize_t count = ::read(ready.get(), bytes.data(), bytes.size());
    if (count > 0) said.append(bytes.data(), static_cast<std::size_t>(count));
    if (said == "ready") return {};
    if (count <= 0 || said.size() > 4096)
      return failure(std::make_error_code(std::errc::io_error), "the instance did not come up: " + said);
  }
  return failure(std::make_error_code(std::errc::timed_out), "the instance did not come up in time");
}

}  // namespace enid::instances
