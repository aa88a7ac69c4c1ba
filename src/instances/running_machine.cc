#include "instances/running_machine.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "devices/ena/limits.h"
#include "instances/qemu/boot_archive.h"
#include "instances/qemu/machine_image.h"
#include "instances/qemu/machine_memory.h"
#include "instances/qemu/qemu_machine.h"

namespace enid::instances {
namespace {

// Chosen: EC2 gives a guest minutes to shut down; a small one under emulation needs some seconds.
constexpr int kShutdownMilliseconds = 30'000;
constexpr int kDeviceMilliseconds = 10'000;  // For a process to start, or to find the next daemon.
constexpr int kLookMilliseconds = 2;
constexpr const char* kInitrd = "initrd";

std::uint32_t processors_for(const control::MachineShape& shape) {
  const long here = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  return static_cast<std::uint32_t>(std::clamp<long>(shape.vcpus, 1, here));
}

std::uint16_t queue_pairs_for(std::uint32_t processors) {
  return static_cast<std::uint16_t>(std::min<std::uint32_t>(processors, devices::ena::kQueuePairsMax));
}

}  // namespace

Result<void> RunningMachine::make_device(const control::InterfaceAttachment& attachment) {
  devices_.expect(id_, attachment, true);
  Result<DeviceProcess> process =
      DeviceProcess::start(device_programs_, folder_, id_, attachment, queue_pairs_);
  if (!process) {
    devices_.forget(id_, attachment.interface);
    return std::unexpected(std::move(process).error());
  }
  const auto slot =
      slots_.insert_or_assign(attachment.machine_port, Slot{.process = *std::move(process)}).first;
  Result<void> come = await_device(slot->second.process);
  if (come) return {};
  end_device(slot->second);
  slots_.erase(slot);
  return come;
}

// A device that the card has has its socket, too.
Result<void> RunningMachine::await_device(const DeviceProcess& process) {
  for (int waited = 0; waited < kDeviceMilliseconds; waited += kLookMilliseconds) {
    if (devices_.has_come(id_, process.attachment().interface)) return {};
    if (!process.is_alive())
      return failure(std::make_error_code(std::errc::no_child_process),
                     "a network card's process ended: " + process.last_words());
    std::this_thread::sleep_for(std::chrono::milliseconds(kLookMilliseconds));
  }
  return failure(std::make_error_code(std::errc::timed_out),
                 "a network card's process does not come: " + process.last_words());
}

void RunningMachine::end_device(Slot& slot) {
  devices_.forget(id_, slot.interface());
  slot.process.stop();
}

Result<void> RunningMachine::start(const MachineLaunch& launch, const GuestPrograms& programs,
                                   const std::vector<control::InterfaceAttachment>& interfaces) {
  QemuMachine machine{.name = launch.identity.hostname,
                      .program = programs.guest_folder + "/qemu-system-x86_64",
                      .kernel = kMachineKernel,
                      .initrd = kInitrd,
                      .disk = kMachineDisk,
                      .kernel_arguments = "",
                      .accelerator = usable_accelerator(),
                      .memory_mebibytes = machine_memory(launch.shape.memory_mib, programs.spare_memory),
                      .processors = processors_for(launch.shape),
                      .interface_ports = launch.shape.interface_ports,
                      .interface_ports_per_card = launch.shape.interface_ports_per_card,
                      .interfaces = {}};
  queue_pairs_ = queue_pairs_for(machine.processors);
  TRY(make_machine_image(programs.guest_folder, folder_.path()));
  GuestIdentity identity = launch.identity;
  identity.machine = machine_size_text(machine.processors, machine.memory_mebibytes, launch.shape.memory_mib);
  spdlog::info("{} has {}", identity.hostname, identity.machine);
  TRY(write_initrd(folder_.file(kMachineBootArchive), TRY(guest_boot_files(identity, programs.agent)),
                   folder_.file(kInitrd)));
  TRY(folder_.write("memory", std::to_string(machine.memory_mebibytes)));
  for (const control::InterfaceAttachment& attachment : interfaces) {
    TRY(make_device(attachment));
    machine.interfaces.push_back({.device_index = attachment.machine_port,
                                  .vfio_user_socket = DeviceProcess::socket_name(attachment.machine_port)});
  }
  process_ = TRY(start_qemu(machine, folder_.path()));
  TRY(folder_.write("process", process_->identity().text()));
  agent_ = TRY(AgentRelay::start(folder_.path()));
  return {};
}

Result<void> RunningMachine::adopt(const MachineLaunch& launch,
                                   const std::vector<control::InterfaceAttachment>& interfaces) {
  const auto identity = ProcessIdentity::parse(folder_.read("process"));
  if (!identity || !identity->is_alive())
    return failure(std::make_error_code(std::errc::no_such_process), "its QEMU has ended");
  queue_pairs_ = queue_pairs_for(processors_for(launch.shape));
  for (auto& [index, process] : DeviceProcess::find_all(folder_)) {
    const bool is_attached = std::ranges::any_of(interfaces, [&](const auto& attachment) {
      return attachment.interface == process.attachment().interface && attachment.machine_port == index;
    });
    devices_.expect(id_, process.attachment(), is_attached);
    slots_.emplace(index, Slot{.process = std::move(process), .is_parked = !is_attached});
  }
  for (const auto& [index, slot] : slots_) TRY(await_device(slot.process));
  process_ = TRY(QemuProcess::open(*identity, folder_.path()));
  agent_ = TRY(AgentRelay::start(folder_.path()));
  for (const control::InterfaceAttachment& attachment : interfaces)
    if (!slots_.contains(attachment.machine_port)) TRY(attach(attachment));
  return {};
}

// A guest that is asked writes to its disk what it holds. One that does not listen is reset, as EC2 does it.
Result<void> RunningMachine::reboot() {
  process_->control().take_events();
  if (!agent_->ask_to_reboot() || !process_->control().wait_for_event("RESET", kShutdownMilliseconds))
    TRY(process_->reboot());
  agent_->on_guest_reset();
  return {};
}

Result<void> RunningMachine::attach(const control::InterfaceAttachment& attachment) {
  const auto place = slots_.find(attachment.machine_port);
  if (place != slots_.end()) {
    Slot& slot = place->second;
    if (slot.interface() != attachment.interface)
      return failure(std::make_error_code(std::errc::device_or_resource_busy),
                     fmt::format("device index {} still holds {}, which was detached while the machine ran; "
                                 "use another index, or stop the instance first",
                                 attachment.device_index, slot.interface().text()));
    devices_.expect(id_, attachment, true);
    slot.is_parked = false;
    return {};
  }
  TRY(make_device(attachment));
  Result<void> added =
      process_->add_interface({.device_index = attachment.machine_port,
                               .vfio_user_socket = DeviceProcess::socket_name(attachment.machine_port)});
  if (added) return {};
  end_device(slots_.at(attachment.machine_port));
  slots_.erase(attachment.machine_port);
  return added;
}

Result<void> RunningMachine::detach(const NetworkInterfaceId& interface) {
  for (auto& [index, slot] : slots_) {
    if (slot.interface() != interface || slot.is_parked) continue;
    devices_.expect(id_, slot.process.attachment(), false);
    slot.is_parked = true;
  }
  return {};
}

void RunningMachine::stop(bool force) {
  if (process_) {
    const bool asked = !force && ((agent_ && agent_->ask_to_power_off()) || process_->ask_to_power_off());
    if (asked) process_->wait_until_ended(kShutdownMilliseconds);
    process_->stop();
    agent_.reset();
    process_.reset();
  }
  for (auto& [index, slot] : slots_) end_device(slot);
  slots_.clear();
  folder_.erase("process");
}

}  // namespace enid::instances
