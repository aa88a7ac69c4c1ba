#include "instances/running_machine.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "instances/qemu/boot_archive.h"
#include "instances/qemu/machine_image.h"
#include "instances/qemu/machine_memory.h"
#include "instances/qemu/qemu_machine.h"

namespace enid::instances {
namespace {

// Chosen: EC2 gives a guest minutes to shut down; a small one under emulation needs some seconds.
constexpr int kShutdownMilliseconds = 30'000;
constexpr const char* kInitrd = "initrd";

std::uint32_t processors_for(const control::MachineShape& shape) {
  const long here = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  return static_cast<std::uint32_t>(std::clamp<long>(shape.vcpus, 1, here));
}

std::string socket_name(std::uint16_t device_index) { return fmt::format("eth{}.sock", device_index); }

}  // namespace

Result<RunningMachine::Slot*> RunningMachine::make_device(const control::InterfaceAttachment& attachment) {
  Slot slot{.interface = attachment.interface, .device = nullptr};
  slot.device = TRY(EnaDevice::create({.interface = attachment.interface,
                                       .mac = attachment.mac,
                                       .socket = folder_.file(socket_name(attachment.device_index)),
                                       .queue_pairs = queue_pairs_,
                                       .mtu = attachment.mtu},
                                      devices_, worker_));
  return &(slots_[attachment.device_index] = std::move(slot));
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
                      .interfaces = {}};
  queue_pairs_ = static_cast<std::uint16_t>(std::min<std::uint32_t>(machine.processors, 8));
  TRY(make_machine_image(programs.guest_folder, folder_.path()));
  GuestIdentity identity = launch.identity;
  identity.machine = machine_size_text(machine.processors, machine.memory_mebibytes, launch.shape.memory_mib);
  spdlog::info("{} has {}", identity.hostname, identity.machine);
  TRY(write_initrd(folder_.file(kMachineBootArchive), TRY(guest_boot_files(identity, programs.agent)),
                   folder_.file(kInitrd)));
  TRY(folder_.write("memory", std::to_string(machine.memory_mebibytes)));
  for (const control::InterfaceAttachment& attachment : interfaces) {
    TRY(make_device(attachment));
    machine.interfaces.push_back(
        {.device_index = attachment.device_index, .vfio_user_socket = socket_name(attachment.device_index)});
  }
  process_ = TRY(start_qemu(machine, folder_.path()));
  TRY(folder_.write("process", process_->identity().text()));
  agent_ = TRY(AgentRelay::start(folder_.path()));
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
  const auto place = slots_.find(attachment.device_index);
                      .interface_ports = launch.shape.interface_ports,
                      .interface_ports_per_card = launch.shape.interface_ports_per_card,
  if (place != slots_.end()) {
    if (place->second.interface != attachment.interface)
      return failure(std::make_error_code(std::errc::device_or_resource_busy),
                     fmt::format("device index {} still holds {}, which was detached while the machine ran; "
                                 "use another index, or stop the instance first",
                                 attachment.device_index, place->second.interface.text()));
    place->second.device->unpark();
    place->second.is_parked = false;
    return {};
  }
  TRY(make_device(attachment));
  Result<void> added = process_->add_interface(
      {.device_index = attachment.device_index, .vfio_user_socket = socket_name(attachment.device_index)});
  if (!added) slots_.erase(attachment.device_index);
  return added;
}

Result<void> RunningMachine::detach(const NetworkInterfaceId& interface) {
  for (auto& [index, slot] : slots_) {
    if (slot.interface != interface || slot.is_parked) continue;
    slot.device->park();
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
  slots_.clear();
  folder_.erase("process");
}

}  // namespace enid::instances
