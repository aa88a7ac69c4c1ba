#include "instances/ena_device.h"

#include <spdlog/spdlog.h>

#include <array>
#include <future>
#include <utility>

#include "devices/ena/controller.h"
#include "devices/ena/ena_port.h"
#include "host/vfio_user_listener.h"
#include "instances/card_thread_data_path.h"

namespace enid::instances {

namespace ena = devices::ena;

// In the order of their making; each stands on those above it.
struct EnaDevice::Parts {
  Parts(EnaDeviceOptions given, host::DeviceThread& devices, host::CardWorker& card)
      : options(std::move(given)), thread(devices), worker(card) {}

  Result<void> make();
  void join_card();
  void leave_card();

  EnaDeviceOptions options;
  host::DeviceThread& thread;
  host::CardWorker& worker;
  host::HostDescriptorUser descriptors;
  std::array<ena::QueueState, ena::kQueueStates> states{};
  ena::DeviceMemory memory;
  std::shared_ptr<ena::EnaPort> port;
  bool is_bound = false;
  std::unique_ptr<CardThreadDataPath> data_path;
  std::unique_ptr<ena::Controller> controller;
  std::shared_ptr<host::VfioUserListener> listener;
};

Result<void> EnaDevice::Parts::make() {
  const ena::ControllerOptions controller_options{
      .mac = options.mac,
      .queue_pairs = options.queue_pairs,
      .vectors = static_cast<std::uint16_t>(options.queue_pairs + 1),
      .mtu = options.mtu,
  };
  memory = TRY(ena::DeviceMemory::create(descriptors, controller_options));
  port = std::make_shared<ena::EnaPort>(
      memory.doorbell_page(), memory.low_latency_bar(), states,
      ena::EnaPortOptions{.queue_pairs = options.queue_pairs, .mtu = options.mtu});
  join_card();
  data_path = std::make_unique<CardThreadDataPath>(worker, port);
  controller = std::make_unique<ena::Controller>(controller_options, memory, *data_path);
  const auto complain = [id = options.interface.text()](const std::string& complaint) {
    spdlog::warn("{}: the device's user was refused: {}", id, complaint);
  };
  listener = TRY(host::VfioUserListener::create(
      options.socket, *controller,
      {.next_timeout = [&device = *controller] { return device.next_timeout(); },
       .on_timeout = [&device = *controller](Instant now) { device.on_timeout(now); },
       .complain = complain}));
  thread.add(listener);
  return {};
}

void EnaDevice::Parts::join_card() {
  worker.bind_polled_port(options.interface, port);
  is_bound = true;
}

void EnaDevice::Parts::leave_card() {
  if (!std::exchange(is_bound, false)) return;
  std::promise<void> unbound;
  worker.unbind_port(options.interface, [&] { unbound.set_value(); });
  unbound.get_future().wait();
}

EnaDevice::EnaDevice(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<EnaDevice>> EnaDevice::create(const EnaDeviceOptions& options,
                                                     host::DeviceThread& thread, host::CardWorker& worker) {
  std::unique_ptr<EnaDevice> device(new EnaDevice(std::make_unique<Parts>(options, thread, worker)));
  TRY(device->parts_->make());
  return device;
}

EnaDevice::~EnaDevice() {
  Parts& parts = *parts_;
  if (parts.listener) {
    parts.thread.remove(parts.listener);
    parts.listener.reset();  // Resets the device, and with it the data path.
  }
  parts.controller.reset();
  parts.leave_card();
}

void EnaDevice::park() {
  parts_->thread.run([&] { parts_->controller->set_link(false); });
  parts_->leave_card();
}

void EnaDevice::unpark() {
  parts_->join_card();
  parts_->thread.run([&] { parts_->controller->set_link(true); });
}

}  // namespace enid::instances
