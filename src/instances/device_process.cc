#include "instances/device_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

namespace enid::instances {
namespace {

constexpr int kEndMilliseconds = 2'000;
constexpr std::uint16_t kPortsMax = 256;

std::string file_name(std::uint16_t machine_port, const char* ending) {
  return fmt::format("eth{}.{}", machine_port, ending);
}

// What the child does before it is the program; all of it in posix_spawn's own terms.
class SpawnPlan {
 public:
  SpawnPlan(const std::string& folder, const std::string& log) {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files_, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                       0600);
    ::posix_spawn_file_actions_adddup2(&files_, STDOUT_FILENO, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
    ::posix_spawn_file_actions_addchdir_np(&files_, folder.c_str());
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  Result<pid_t> run(std::vector<std::string> arguments) const {
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    pid_t child = 0;
    const int refused = ::posix_spawn(&child, pointers[0], &files_, &attributes_, pointers.data(), environ);
    if (refused == 0) return child;
    return failure(std::error_code(refused, std::generic_category()), "start " + arguments[0]);
  }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

bool has_ended(int process, int timeout_ms) {
  pollfd waiting{.fd = process, .events = POLLIN, .revents = 0};
  int ready = 0;
  do ready = ::poll(&waiting, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

std::string DeviceProcess::socket_name(std::uint16_t machine_port) { return file_name(machine_port, "sock"); }

Result<DeviceProcess> DeviceProcess::start(const DevicePrograms& programs, const InstanceFolder& folder,
                                           const InstanceId& instance,
                                           const control::InterfaceAttachment& attachment,
                                           std::uint16_t queue_pairs) {
  const SpawnPlan plan(folder.path(), folder.file(file_name(attachment.machine_port, "log")));
  const pid_t child =
      TRY(plan.run({programs.program, "device", "--state", programs.state_folder, "--eni",
                    attachment.interface.text(), "--socket", socket_name(attachment.machine_port),
                    "--instance", instance.text(), "--queue-pairs", std::to_string(queue_pairs)}));
  const auto identity = ProcessIdentity::of(child);
  DeviceProcess process(folder, attachment,
                        identity.value_or(ProcessIdentity{.pid = child, .start_ticks = 0, .boot = {}}));
  if (!identity) {
    process.stop();
    return failure(std::make_error_code(std::errc::no_child_process), process.last_words());
  }
  TRY(folder.write(file_name(attachment.machine_port, "device"),
                   fmt::format("{}{} {} {}\n", identity->text(), attachment.interface.text(),
                               attachment.mac.text(), attachment.mtu)));
  return process;
}

std::map<std::uint16_t, DeviceProcess> DeviceProcess::find_all(const InstanceFolder& folder) {
  std::map<std::uint16_t, DeviceProcess> found;
  for (std::uint16_t port = 0; port < kPortsMax; ++port) {
    std::istringstream lines(folder.read(file_name(port, "device")));
    std::string first, interface, mac;
    control::InterfaceAttachment attachment;
    attachment.machine_port = port;
    std::getline(lines, first);
    lines >> interface >> mac >> attachment.mtu;
    const auto identity = ProcessIdentity::parse(first);
    const auto id = NetworkInterfaceId::parse(interface);
    const auto address = MacAddress::parse(mac);
    if (!lines || !identity || !id || !address) continue;
    attachment.interface = *id;
    attachment.mac = *address;
    found.emplace(port, DeviceProcess(folder, attachment, *identity));
  }
  return found;
}

std::string DeviceProcess::last_words() const {
  std::ifstream file(folder_.file(file_name(attachment_.machine_port, "log")));
  std::string last = "its device's process said nothing";
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  return last;
}

void DeviceProcess::stop() {
  // Not our child when an earlier daemon started it; then nobody waits for us to reap it.
  if (const host::UniqueFd process = identity_.open(); process.is_open()) {
    ::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0);
    if (!has_ended(process.get(), kEndMilliseconds)) {
      ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
      has_ended(process.get(), kEndMilliseconds);
    }
  }
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(identity_.pid), &info, WEXITED | WNOHANG);
  folder_.erase(socket_name(attachment_.machine_port));
  folder_.erase(file_name(attachment_.machine_port, "device"));
}

}  // namespace enid::instances
