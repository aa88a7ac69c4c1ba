#include "instances/netns_runtime.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "instances/init_process.h"
#include "instances/instance_folder.h"
#include "instances/ordered_workers.h"
#include "instances/process_identity.h"
#include "instances/process_watcher.h"
#include "instances/running_instance.h"
#include "instances/runtime_parts.h"

namespace enid::instances {
namespace {

constexpr unsigned kWorkers = 4;  // They mostly wait: for inits, leases, the card.
constexpr int kReadyMilliseconds = 10'000;

std::unexpected<Error> not_running(const InstanceId& id) {
  return failure(std::make_error_code(std::errc::no_such_process), id.text() + " does not run");
}

}  // namespace

struct NetnsRuntime::Parts {
  Parts(NetnsRuntimeOptions given, PortBinder& to, std::unique_ptr<ProcessWatcher> made_watcher)
      : options(std::move(given)), binder(to), watcher(std::move(made_watcher)), workers(kWorkers) {}

  InstanceFolder folder(const InstanceId& id) const { return {options.state_folder, id}; }

  // Everything below runs on a worker, in order for one instance.
  Result<void> start(const control::InstanceLaunch& launch);
  Result<void> bring_up(RunningInstance& instance, const control::InstanceLaunch& launch,
                        const host::UniqueFd& ready);
  Result<void> adopt(const InstanceId& id, const std::vector<control::InterfaceAttachment>& attachments);
  Result<void> stop(const InstanceId& id, bool force);
  void on_ended(const InstanceId& id, const ProcessIdentity& which);

  // The instance, also one of an earlier daemon that nobody has adopted; null when it does not run.
  std::shared_ptr<RunningInstance> find(const InstanceId& id);
  std::shared_ptr<RunningInstance> keep(const InstanceId& id, InitProcess init);
  void forget(const InstanceId& id);
  void watch(const InstanceId& id, const InitProcess& init);

  NetnsRuntimeOptions options;
  PortBinder& binder;
  std::mutex mutex;  // Over `running` and `powered_off`; not held during work.
  std::map<InstanceId, std::shared_ptr<RunningInstance>> running;
  PoweredOff powered_off;
  std::unique_ptr<ProcessWatcher> watcher;
  OrderedWorkers workers;  // Last: its jobs use the rest.
};

std::shared_ptr<RunningInstance> NetnsRuntime::Parts::keep(const InstanceId& id, InitProcess init) {
  auto instance = std::make_shared<RunningInstance>(folder(id), std::move(init), binder);
  {
    const std::lock_guard lock(mutex);
    running[id] = instance;
  }
  watch(id, instance->init());
  return instance;
}

void NetnsRuntime::Parts::watch(const InstanceId& id, const InitProcess& init) {
  watcher->watch(init.process, [this, id, which = init.identity] {
    workers.post(id.text(), [this, id, which] { on_ended(id, which); });
  });
}

void NetnsRuntime::Parts::forget(const InstanceId& id) {
  folder(id).erase("process");
  const std::lock_guard lock(mutex);
  running.erase(id);
}

std::shared_ptr<RunningInstance> NetnsRuntime::Parts::find(const InstanceId& id) {
  {
    const std::lock_guard lock(mutex);
    const auto place = running.find(id);
    if (place != running.end()) return place->second;
  }
  const std::optional<ProcessIdentity> identity = ProcessIdentity::parse(folder(id).read("process"));
  if (!identity || !identity->is_alive()) return nullptr;
  Result<InitProcess> init = InitProcess::open(*identity);
  return init ? keep(id, *std::move(init)) : nullptr;
}

Result<void> NetnsRuntime::Parts::start(const control::InstanceLaunch& launch) {
  if (find(launch.id) != nullptr)
    return failure(std::make_error_code(std::errc::file_exists), launch.id.text() + " runs already");
  const InstanceFolder at = folder(launch.id);
  TRY(at.make());
  TRY(at.write("hostname", launch.hostname));
  TRY(at.write("user_data", launch.user_data));
  TRY(at.write("authorized_key", launch.authorized_key));
  TRY(at.write("boot", launch.first_boot ? "first" : "again"));
  StartedInit started = TRY(start_init(options.init_program, at.path(), options.hidden_folders));
  const Result<void> noted = at.write("process", started.init.identity.text());
  const std::shared_ptr<RunningInstance> instance = keep(launch.id, std::move(started.init));
  Result<void> up = noted ? bring_up(*instance, launch, started.ready) : noted;
  if (!up) static_cast<void>(stop(launch.id, true));
  return up;
}

Result<void> NetnsRuntime::Parts::bring_up(RunningInstance& instance, const control::InstanceLaunch& launch,
                                           const host::UniqueFd& ready) {
  TRY(wait_until_ready(ready, kReadyMilliseconds));
  for (const control::InterfaceAttachment& attachment : launch.interfaces) TRY(instance.attach(attachment));
  TRY(instance.boot(launch.first_boot));
  folder(launch.id).erase("boot");
  return {};
}

Result<void> NetnsRuntime::Parts::adopt(const InstanceId& id,
                                        const std::vector<control::InterfaceAttachment>& attachments) {
  const std::shared_ptr<RunningInstance> instance = find(id);
  if (instance == nullptr) return not_running(id);
  TRY(instance->reconcile(attachments));
  // The earlier daemon may have ended before it came to this.
  const InstanceFolder at = folder(id);
  if (!at.has("boot")) return {};
  TRY(instance->boot(at.read("boot") == "first"));
  at.erase("boot");
  return {};
}

Result<void> NetnsRuntime::Parts::stop(const InstanceId& id, bool force) {
  const std::shared_ptr<RunningInstance> instance = find(id);
  if (instance == nullptr) return {};
  TRY(instance->stop(force));
  forget(id);
  return {};
}

void NetnsRuntime::Parts::on_ended(const InstanceId& id, const ProcessIdentity& which) {
  std::shared_ptr<RunningInstance> instance;
  PoweredOff tell;
  {
    const std::lock_guard lock(mutex);
    const auto place = running.find(id);
    // stop() was first, or the instance has been started again since.
    if (place == running.end() || place->second->init().identity != which) return;
    instance = place->second;
    tell = powered_off;
  }
  instance->release();
  forget(id);
  if (tell) tell(id);
}

NetnsRuntime::NetnsRuntime(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

NetnsRuntime::~NetnsRuntime() {
  parts_->watcher->stop();  // It posts to the workers, whose jobs use all the rest.
}

Result<std::unique_ptr<NetnsRuntime>> NetnsRuntime::create(NetnsRuntimeOptions options, PortBinder& binder) {
  std::error_code code;
  std::filesystem::create_directories(options.state_folder, code);
  if (code) return failure(code, "make " + options.state_folder);
  ::chmod(options.state_folder.c_str(), 0700);
  options.state_folder = std::filesystem::canonical(options.state_folder, code).string();
  if (code) return failure(code, "find " + options.state_folder);
  options.hidden_folders.push_back(options.state_folder);
  for (std::string& folder : options.hidden_folders) {
    const std::string named = folder;
    folder = std::filesystem::canonical(named, code).string();
    if (code) return failure(code, "find " + named);
  }
  std::unique_ptr<ProcessWatcher> watcher = TRY(ProcessWatcher::create());
  auto parts = std::make_unique<Parts>(std::move(options), binder, std::move(watcher));
  return std::unique_ptr<NetnsRuntime>(new NetnsRuntime(std::move(parts)));
}

void NetnsRuntime::start(control::InstanceLaunch launch, Done done) {
  const std::string key = launch.id.text();
  parts_->workers.post(key, [parts = parts_.get(), launch = std::move(launch), done = std::move(done)] {
    done(parts->start(launch));
  });
}

void NetnsRuntime::stop(const InstanceId& id, bool force, Done done) {
  parts_->workers.post(
      id.text(), [parts = parts_.get(), id, force, done = std::move(done)] { done(parts->stop(id, force)); });
}

void NetnsRuntime::reboot(const InstanceId& id, Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, done = std::move(done)] {
    const std::shared_ptr<RunningInstance> instance = parts->find(id);
    done(instance ? instance->reboot() : not_running(id));
  });
}

void NetnsRuntime::remove(const InstanceId& id, Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, done = std::move(done)] {
    Result<void> stopped = parts->stop(id, true);
    done(stopped ? parts->folder(id).remove_all() : std::move(stopped));
  });
}

void NetnsRuntime::attach(const InstanceId& id, const control::InterfaceAttachment& attachment, Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, attachment, done = std::move(done)] {
    const std::shared_ptr<RunningInstance> instance = parts->find(id);
    done(instance ? instance->attach(attachment) : not_running(id));
  });
}

void NetnsRuntime::detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, interface, done = std::move(done)] {
    const std::shared_ptr<RunningInstance> instance = parts->find(id);
    done(instance ? instance->detach(interface) : not_running(id));
  });
}

void NetnsRuntime::adopt(const InstanceId& id, std::vector<control::InterfaceAttachment> attachments,
                         Done done) {
  parts_->workers.post(id.text(), [parts = parts_.get(), id, attachments = std::move(attachments),
                                   done = std::move(done)] { done(parts->adopt(id, attachments)); });
}

void NetnsRuntime::stop_all(Done done) { stop_every(*this, present(), std::move(done)); }

control::RunState NetnsRuntime::state(const InstanceId& id) {
  const std::optional<ProcessIdentity> identity = ProcessIdentity::parse(parts_->folder(id).read("process"));
  return identity && identity->is_alive() ? control::RunState::kRunning : control::RunState::kAbsent;
}

std::vector<InstanceId> NetnsRuntime::present() { return instances_in(parts_->options.state_folder); }

Result<control::ConsoleOutput> NetnsRuntime::console_output(const InstanceId& id) {
  return read_console(parts_->folder(id).file("console.log"));
}

void NetnsRuntime::set_powered_off_listener(PoweredOff listener) {
  const std::lock_guard lock(parts_->mutex);
  parts_->powered_off = std::move(listener);
}

}  // namespace enid::instances
