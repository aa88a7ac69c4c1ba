#include "instances/ena_device.h"

#include <spdlog/spdlog.h>

#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "devices/ena/controller.h"
#include "devices/ena/remote_data_path.h"
#include "host/clock.h"
#include "host/device_thread.h"
#include "host/vfio_user_listener.h"
#include "instances/daemon_link.h"
#include "instances/device_log.h"

namespace enid::instances {

namespace ena = devices::ena;

namespace {

constexpr std::size_t kStatesBytes = sizeof(ena::QueueState) * ena::kQueueStates;
// Chosen: how long a process that serves one client waits for it. QEMU connects as it starts.
constexpr Duration kClientPatience = Duration::from_seconds(60);

}  // namespace

// In the order of their making; each stands on those above it.
struct EnaDevice::Parts {
  explicit Parts(EnaDeviceOptions given)
      : options(std::move(given)),
        link(std::make_shared<DaemonLink>(
            options.daemon_socket,
            ena::Hello{.interface = options.interface.text(), .instance = options.instance})) {}

  Result<void> make();
  Result<void> listen();
  // Everything below runs on the devices' thread.
  void begin(const ena::Welcome& to);
  void set_link(bool is_up);
  void on_client(bool is_there);
  void on_timeout(Instant now);
  Instant next_timeout() const;

  EnaDeviceOptions options;
  host::HostDescriptorUser descriptors;
  std::shared_ptr<DaemonLink> link;
  ena::Welcome welcome;
  DeviceLog log{options.interface.text(), write_to_log(), host::monotonic_now};
  ena::ControllerOptions controller_options;
  ena::DeviceMemory memory;
  pci::DescriptorUser::NewMemory states;
  std::unique_ptr<ena::RemoteDataPath> data_path;
  std::unique_ptr<ena::Controller> controller;
  std::shared_ptr<host::VfioUserListener> listener;
  Instant give_up = Instant::never();
  std::unique_ptr<host::DeviceThread> thread;
};

Result<void> EnaDevice::Parts::make() {
  welcome = TRY(link->join());
  controller_options = {.mac = welcome.mac,
                        .queue_pairs = options.queue_pairs,
                        .vectors = static_cast<std::uint16_t>(options.queue_pairs + 1),
                        .mtu = welcome.mtu,
                        .low_latency = options.low_latency};
  memory = TRY(ena::DeviceMemory::create(descriptors, controller_options));
  states = TRY(descriptors.make_shared_memory(kStatesBytes));
  const std::span all(reinterpret_cast<ena::QueueState*>(states.memory->bytes().data()), ena::kQueueStates);
  data_path = std::make_unique<ena::RemoteDataPath>(*link, memory.doorbell_page(), all);
  controller = std::make_unique<ena::Controller>(controller_options, memory, *data_path, &log);
  TRY(listen());
  thread = TRY(host::DeviceThread::create());
  thread->run([&] {
    link->set_hooks({.on_welcome = [this](const ena::Welcome& to) { begin(to); },
                     .on_link = [this](bool is_up) { set_link(is_up); }});
    begin(welcome);
    if (options.on_over) give_up = host::monotonic_now() + kClientPatience;
  });
  if (!data_path->is_connected())
    return failure(std::make_error_code(std::errc::connection_aborted),
                   "the daemon does not take the device");
  thread->add(link);
  thread->add(listener);
  return {};
}

Result<void> EnaDevice::Parts::listen() {
  listener = TRY(host::VfioUserListener::create(
      options.socket, *controller,
      {.next_timeout = [this] { return next_timeout(); },
       .on_timeout = [this](Instant now) { on_timeout(now); },
       .complain = [](const std::string& complaint) { spdlog::warn("the guest's QEMU: {}", complaint); },
       .on_client = [this](bool is_there) { on_client(is_there); }},
      host::Trust::kSealed));
  return {};
}

// A daemon is there that knows nothing yet.
void EnaDevice::Parts::begin(const ena::Welcome& to) {
  if (to.mac != welcome.mac) {
    spdlog::error("{} has another MAC than it had", options.interface.text());
    return link->shut_down();
  }
  std::vector<std::shared_ptr<const pci::Descriptor>> files = {memory.doorbells.file, states.file};
  if (options.low_latency) files.push_back(memory.low_latency.file);
  const auto begun = link->exchange(
      ena::Begin{.queue_pairs = options.queue_pairs, .mtu = welcome.mtu, .low_latency = options.low_latency},
      files);
  if (!begun) return;
  data_path->begin_anew();
  controller->resume_data_path();
  spdlog::info("the card has {}", options.interface.text());
  set_link(to.is_link_up);
}

void EnaDevice::Parts::set_link(bool is_up) {
  if (is_up == controller->is_link_up()) return;
  spdlog::info("link {}", is_up ? "up" : "down");
  controller->set_link(is_up);
}

void EnaDevice::Parts::on_client(bool is_there) {
  spdlog::info(is_there ? "a guest has connected" : "the guest has gone");
  give_up = Instant::never();
  if (!is_there && options.on_over) options.on_over();
}

Instant EnaDevice::Parts::next_timeout() const { return std::min(controller->next_timeout(), give_up); }

void EnaDevice::Parts::on_timeout(Instant now) {
  controller->on_timeout(now);
  if (now < give_up) return;
  give_up = Instant::never();
  spdlog::warn("no guest came; the device ends");
  options.on_over();
}

EnaDevice::EnaDevice(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<EnaDevice>> EnaDevice::create(const EnaDeviceOptions& options) {
  std::unique_ptr<EnaDevice> device(new EnaDevice(std::make_unique<Parts>(options)));
  TRY(device->parts_->make());
  return device;
}

EnaDevice::~EnaDevice() {
  Parts& parts = *parts_;
  parts.link->shut_down();
  parts.thread.reset();
  parts.listener.reset();
}

const ena::Welcome& EnaDevice::welcome() const { return parts_->welcome; }

}  // namespace enid::instances
