#include "instances/qemu/qemu_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "host/unix_address.h"

namespace enid::instances {
namespace {

using nlohmann::json;

constexpr int kStartMilliseconds = 10'000;
constexpr int kQuitMilliseconds = 2'000;
constexpr int kKillMilliseconds = 5'000;
constexpr const char* kLog = "qemu.log";

// A socket's address is shorter than a path may be, so the folder is reached by its descriptor.
Result<host::UniqueFd> connect_in(int folder, const std::string& name) {
  const sockaddr_un address = TRY(host::unix_address_in(folder, name));
  host::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_failure("connect to " + name);
  return socket;
}

bool has_ended(int process, int timeout_ms) {
  pollfd waiting{process, POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&waiting, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

// Its parent reaps it; not being the parent is no error.
void reap(int process) {
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(process), &info, WEXITED | WNOHANG);
}

std::string last_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::string last;
  while (std::getline(file, line))
    if (!line.empty()) last = line;
  return last.empty() ? "it said nothing" : last;
}

[[noreturn]] void become_qemu(int folder, char* const* arguments) {
  ::setsid();
  if (::fchdir(folder) != 0) ::_exit(126);
  const int nothing = ::open("/dev/null", O_RDWR);
  const int log = ::open(kLog, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(077);
  ::execv(arguments[0], arguments);
  ::dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], std::strerror(errno));
  ::_exit(127);
}

Result<QmpClient> wait_for_control(int process, int folder, const std::string& folder_path,
                                   const std::string& name) {
  for (int waited = 0; waited < kStartMilliseconds; waited += 10) {
    if (has_ended(process, 10))
      return failure(std::make_error_code(std::errc::no_child_process),
                     "QEMU ended: " + last_line(folder_path + "/" + kLog));
    Result<host::UniqueFd> socket = connect_in(folder, name);
    if (socket) return QmpClient::connect(*std::move(socket), kStartMilliseconds);
  }
  return failure(std::make_error_code(std::errc::timed_out), "QEMU makes no control socket");
}

}  // namespace

Accelerator usable_accelerator() {
  std::ifstream processors("/proc/cpuinfo");
  std::string line;
  bool capable = false;
  while (!capable && std::getline(processors, line)) {
    if (!line.starts_with("flags")) continue;
    line += ' ';
    capable = line.find(" vmx ") != std::string::npos || line.find(" svm ") != std::string::npos;
  }
  return capable && ::access("/dev/kvm", R_OK | W_OK) == 0 ? Accelerator::kKvm : Accelerator::kTcg;
}

Result<QemuProcess> start_qemu(const QemuMachine& machine, const std::string& folder) {
  const host::UniqueFd inside(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!inside.is_open()) return errno_failure("open " + folder);
  ::unlinkat(inside.get(), machine.qmp_socket.c_str(), 0);
  ::unlinkat(inside.get(), machine.agent_socket.c_str(), 0);
  std::vector<std::string> texts = qemu_arguments(machine);
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);

  const pid_t child = ::fork();
  if (child < 0) return errno_failure("start QEMU");
  if (child == 0) become_qemu(inside.get(), arguments.data());
  host::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  const auto identity = ProcessIdentity::of(child);
  Result<QmpClient> control = wait_for_control(process.get(), inside.get(), folder, machine.qmp_socket);
  if (control && identity) return QemuProcess(*identity, std::move(process), *std::move(control));
  ::kill(child, SIGKILL);
  has_ended(process.get(), kKillMilliseconds);
  reap(process.get());
  if (!control) return std::unexpected(std::move(control).error());
  return failure(std::make_error_code(std::errc::no_child_process), "QEMU ended at once");
}

Result<QemuProcess> QemuProcess::open(const ProcessIdentity& identity, const std::string& folder,
                                      const std::string& qmp_socket) {
  host::UniqueFd process = identity.open();
  if (!process.is_open()) return failure(std::make_error_code(std::errc::no_such_process), "QEMU has ended");
  const host::UniqueFd inside(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!inside.is_open()) return errno_failure("open " + folder);
  host::UniqueFd socket = TRY(connect_in(inside.get(), qmp_socket));
  QmpClient control = TRY(QmpClient::connect(std::move(socket), kStartMilliseconds));
  return QemuProcess(identity, std::move(process), std::move(control));
}

bool QemuProcess::wait_until_ended(int timeout_ms) const {
  if (!has_ended(process_.get(), timeout_ms)) return false;
  reap(process_.get());
  return true;
}

Result<void> QemuProcess::reboot() {
  TRY(control_.execute("system_reset"));
  return {};
}

Result<void> QemuProcess::ask_to_power_off() {
  TRY(control_.execute("system_powerdown"));
  return {};
}

void QemuProcess::stop() {
  if (!control_.is_lost()) (void)control_.execute("quit", nullptr, kQuitMilliseconds);
  if (wait_until_ended(kQuitMilliseconds)) return;
  ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  wait_until_ended(kKillMilliseconds);
}

Result<void> QemuProcess::add_interface(const QemuInterface& interface) {
  if (interface.vfio_user_socket.empty())
    TRY(control_.execute("netdev_add", {{"type", "tap"},
                                        {"id", "net-" + interface_device_id(interface.device_index)},
                                        {"ifname", interface.tap_device},
                                        {"script", "no"},
                                        {"downscript", "no"}}));
  TRY(control_.execute("device_add", interface_device(interface)));
  return {};
}

}  // namespace enid::instances
