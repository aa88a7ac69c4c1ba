#include "instances/qemu_runtime.h"

#include <fcntl.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "instances/ordered_workers.h"
#include "instances/process_watcher.h"
#include "instances/qemu/machine_memory.h"
#include "instances/running_machine.h"
#include "instances/runtime_parts.h"

namespace enid::instances {
namespace {

constexpr unsigned kWorkers =
    8;  // They mostly wait: for QEMU, and up to half a minute for guests to shut down.

std::unexpected<Error> not_running(const InstanceId& id) {
  return failure(std::make_error_code(std::errc::no_such_process), id.text() + " does not run");
}

// Runs a program with one argument to its end; what it says goes to `log`.
bool succeeds(std::string program, std::string argument, const std::string& log) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  std::array<char*, 3> arguments{program.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int refused = ::posix_spawn(&child, program.c_str(), &files, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  int status = -1;
  while (refused == 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return refused == 0 && status == 0;
}

// What the next daemon needs to start the machine again.
std::string write_launch(const control::InstanceLaunch& launch) {
  return nlohmann::json{{"hostname", launch.hostname},
                        {"authorized_key", launch.authorized_key},
                        {"vcpus", launch.machine->vcpus},
                        {"memory_mib", launch.machine->memory_mib},
                        {"interface_ports", launch.machine->interface_ports},
                        {"interface_ports_per_card", launch.machine->interface_ports_per_card}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

MachineLaunch read_launch(const InstanceFolder& folder) {
  const nlohmann::json kept = nlohmann::json::parse(folder.read("machine"), nullptr, false);
  MachineLaunch launch;
  launch.identity.user_data = folder.read("user_data");
  if (!kept.is_object()) return launch;
  launch.identity.hostname = kept.value("hostname", "");
  launch.identity.authorized_key = kept.value("authorized_key", "");
  launch.shape.vcpus = kept.value("vcpus", 1);
  launch.shape.memory_mib = kept.value("memory_mib", std::int64_t{512});
  launch.shape.interface_ports = kept.value("interface_ports", std::uint16_t{15});
  launch.shape.interface_ports_per_card = kept.value("interface_ports_per_card", std::uint16_t{15});
  return launch;
}

}  // namespace

struct QemuRuntime::Parts {
  Parts(QemuRuntimeOptions given, DeviceServer& device_server, std::unique_ptr<ProcessWatcher> made_watcher)
      : options(std::move(given)),
        devices(device_server),
        watcher(std::move(made_watcher)),
        workers(kWorkers) {}

  InstanceFolder folder(const InstanceId& id) const { return {options.machines_folder, id}; }
  std::string guest_folder() const { return options.state_folder + "/guest"; }
  std::int64_t spare_memory() const;  // In mebibytes; see machine_memory.h.
  std::shared_ptr<RunningMachine> make_machine(const InstanceId& id) const {
    return std::make_shared<RunningMachine>(
        id, folder(id), devices,
        DevicePrograms{.program = options.device_program, .state_folder = options.state_folder});
  }

  // Everything below runs on a worker, in order for one instance.
  Result<void> fetch_guest();
  Result<void> start(const control::InstanceLaunch& launch);
  Result<void> run(const InstanceId& id, const MachineLaunch& launch,
                   const std::vector<control::InterfaceAttachment>& interfaces);
  void keep(const InstanceId& id, const std::shared_ptr<RunningMachine>& machine);
  Result<void> adopt(const InstanceId& id, const std::vector<control::InterfaceAttachment>& attachments);
  Result<void> stop(const InstanceId& id, bool force);
  void end_orphan(const InstanceId& id);
  void on_ended(const InstanceId& id, const ProcessIdentity& which);
  std::shared_ptr<RunningMachine> find(const InstanceId& id);

  QemuRuntimeOptions options;
  DeviceServer& devices;
  std::mutex mutex;  // Over `running` and `powered_off`; not held during work.
  std::map<InstanceId, std::shared_ptr<RunningMachine>> running;
  PoweredOff powered_off;
  std::mutex fetch_mutex;
  std::unique_ptr<ProcessWatcher> watcher;
  OrderedWorkers workers;  // Last: its jobs use the rest.
};

std::int64_t QemuRuntime::Parts::spare_memory() const {
  std::int64_t spare = available_memory_mebibytes();
  for (const InstanceId& id : instances_in(options.machines_folder)) {
    const InstanceFolder at = folder(id);
    const std::optional<ProcessIdentity> identity = ProcessIdentity::parse(at.read("process"));
    if (!identity || !identity->is_alive()) continue;
    spare -= untouched_memory_mebibytes(std::atoll(at.read("memory").c_str()), identity->pid);
  }
  return spare;
}

Result<void> QemuRuntime::Parts::fetch_guest() {
  const std::lock_guard lock(fetch_mutex);
  // One that an earlier enid has made may lack the disk.
  if (std::filesystem::exists(guest_folder() + "/recipe") &&
      std::filesystem::exists(guest_folder() + "/root.ext4"))
    return {};
  spdlog::info("the first virtual machine: {} fetches QEMU and a kernel from Debian; see {}/guest-fetch.log",
               options.fetch_program, options.state_folder);
  if (succeeds(options.fetch_program, options.state_folder, options.state_folder + "/guest-fetch.log"))
    return {};
  return failure(std::make_error_code(std::errc::no_such_file_or_directory),
                 "what virtual machines run on could not be prepared; " + options.state_folder +
                     "/guest-fetch.log says why, and `enid guest fetch` tries again");
}

std::shared_ptr<RunningMachine> QemuRuntime::Parts::find(const InstanceId& id) {
  const std::lock_guard lock(mutex);
  const auto place = running.find(id);
  return place == running.end() ? nullptr : place->second;
}

Result<void> QemuRuntime::Parts::start(const control::InstanceLaunch& launch) {
  if (find(launch.id) != nullptr)
    return failure(std::make_error_code(std::errc::file_exists), launch.id.text() + " runs already");
  TRY(fetch_guest());
  const InstanceFolder at = folder(launch.id);
  TRY(at.make());
  TRY(at.write("machine", write_launch(launch)));
  TRY(at.write("user_data", launch.user_data));
  MachineLaunch machine{.identity = {.hostname = launch.hostname,
                                     .user_data = launch.user_data,
                                     .authorized_key = launch.authorized_key},
                        .shape = *launch.machine};
  return run(launch.id, machine, launch.interfaces);
}

Result<void> QemuRuntime::Parts::run(const InstanceId& id, const MachineLaunch& launch,
                                     const std::vector<control::InterfaceAttachment>& interfaces) {
  const std::shared_ptr<RunningMachine> machine = make_machine(id);
  if (Result<void> started = machine->start(
          launch,
          {.guest_folder = guest_folder(), .agent = options.agent_program, .spare_memory = spare_memory()},
          interfaces);
      !started) {
    machine->stop(true);
    return started;
  }
  keep(id, machine);
  return {};
}

void QemuRuntime::Parts::keep(const InstanceId& id, const std::shared_ptr<RunningMachine>& machine) {
  {
    const std::lock_guard lock(mutex);
    running[id] = machine;
  }
  watcher->watch(machine->process().process(), [this, id, which = machine->process().identity()] {
    workers.post(id.text(), [this, id, which] { on_ended(id, which); });
  });
}

// What is left of a machine of an earlier daemon.
void QemuRuntime::Parts::end_orphan(const InstanceId& id) {
  const std::optional<ProcessIdentity> identity = ProcessIdentity::parse(folder(id).read("process"));
  if (identity && identity->is_alive())
    if (Result<QemuProcess> process = QemuProcess::open(*identity, folder(id).path())) process->stop();
  for (auto& [index, process] : DeviceProcess::find_all(folder(id))) {
    devices.forget(id, process.attachment().interface);
    process.stop();
  }
  folder(id).erase("process");
}

Result<void> QemuRuntime::Parts::adopt(const InstanceId& id,
                                       const std::vector<control::InterfaceAttachment>& attachments) {
  const MachineLaunch launch = read_launch(folder(id));
  const std::shared_ptr<RunningMachine> machine = make_machine(id);
  const Result<void> adopted = machine->adopt(launch, attachments);
  if (adopted) {
    keep(id, machine);
    return {};
  }
  end_orphan(id);
  spdlog::warn("{} is started anew: {}", id.text(), adopted.error().message);
  return run(id, launch, attachments);
}

Result<void> QemuRuntime::Parts::stop(const InstanceId& id, bool force) {
  const std::shared_ptr<RunningMachine> machine = find(id);
  if (machine == nullptr) {
    end_orphan(id);
    return {};
  }
  {
    const std::lock_guard lock(mutex);
    running.erase(id);
  }
  machine->stop(force);
  return {};
}

void QemuRuntime::Parts::on_ended(const InstanceId& id, const ProcessIdentity& which) {
  PoweredOff tell;
  std::shared_ptr<RunningMachine> machine;
  {
    const std::lock_guard lock(mutex);
    const auto place = running.find(id);
    // stop() was first, or the instance has been started again since.
    if (place == running.end() || place->second->process().identity() != which) return;
    machine = place->second;
    running.erase(place);
    tell = powered_off;
  }
  machine->stop(true);
  if (tell) tell(id);
}

QemuRuntime::QemuRuntime(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

QemuRuntime::~QemuRuntime() {
  parts_->watcher->stop();  // It posts to the workers, whose jobs use all the rest.
}

Result<std::unique_ptr<QemuRuntime>> QemuRuntime::create(QemuRuntimeOptions options, DeviceServer& devices) {
  std::error_code code;
  std::filesystem::create_directories(options.machines_folder, code);
  if (!code) options.machines_folder = std::filesystem::canonical(options.machines_folder, code).string();
  if (!code) options.state_folder = std::filesystem::canonical(options.state_folder, code).string();
  if (code) return failure(code, "make " + options.machines_folder);
  ::chmod(options.machines_folder.c_str(), 0700);
  std::unique_ptr<ProcessWatcher> watcher = TRY(ProcessWatcher::create());
  auto parts = std::make_unique<Parts>(std::move(options), devices, std::move(watcher));
  return std::unique_ptr<QemuRuntime>(new QemuRuntime(std::move(parts)));
}

void QemuRuntime::start(control::InstanceLaunch launch, Done done) {
  const std::string key = launch.id.text();
  parts_->workers.post(key, [parts = parts_.get(), launch = std::move(launch), done = std::move(done)] {
    done(parts->start(launch));
  });
}

void QemuRuntime::stop(const InstanceId& id, bool force, Done done) {
  parts_->workers.post(
      id.text(), [parts = parts_.get(), id, force, done = std::move(done)] { done(parts->stop(id, force)); });
}

void QemuRuntime::reboot(const InstanceId& id, Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, done = std::move(done)] {
    const auto machine = parts->find(id);
    done(machine ? machine->reboot() : not_running(id));
  });
}

void QemuRuntime::remove(const InstanceId& id, Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, done = std::move(done)] {
    Result<void> stopped = parts->stop(id, true);
    done(stopped ? parts->folder(id).remove_all() : std::move(stopped));
  });
}

void QemuRuntime::attach(const InstanceId& id, const control::InterfaceAttachment& attachment, Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, attachment, done = std::move(done)] {
    const auto machine = parts->find(id);
    done(machine ? machine->attach(attachment) : not_running(id));
  });
}

void QemuRuntime::detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, interface, done = std::move(done)] {
    const auto machine = parts->find(id);
    done(machine ? machine->detach(interface) : not_running(id));
  });
}

void QemuRuntime::adopt(const InstanceId& id, std::vector<control::InterfaceAttachment> attachments,
                        Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, attachments = std::move(attachments),
                                   done = std::move(done)] { done(parts->adopt(id, attachments)); });
}

void QemuRuntime::stop_all(Done done) { stop_every(*this, present(), std::move(done)); }

bool QemuRuntime::has(const InstanceId& id) const { return parts_->folder(id).exists(); }

control::RunState QemuRuntime::state(const InstanceId& id) {
  const std::optional<ProcessIdentity> identity = ProcessIdentity::parse(parts_->folder(id).read("process"));
  return identity && identity->is_alive() ? control::RunState::kRunning : control::RunState::kAbsent;
}

std::vector<InstanceId> QemuRuntime::present() { return instances_in(parts_->options.machines_folder); }

Result<control::ConsoleOutput> QemuRuntime::console_output(const InstanceId& id) {
  return read_console(parts_->folder(id).file("console.log"));
}

void QemuRuntime::set_powered_off_listener(PoweredOff listener) {
  const std::lock_guard lock(parts_->mutex);
  parts_->powered_off = std::move(listener);
}

}  // namespace enid::instances
