#include "instances/running_machine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "instances/qemu/cpio_archive.h"
#include "instances/qemu/qemu_machine.h"

namespace enid::instances {
namespace {

// Chosen: what a small guest needs and what a host of a laptop's size can give; instance types name far more.
constexpr std::int64_t kMemoryMebibytesMin = 384;
constexpr std::int64_t kMemoryMebibytesMax = 1024;
constexpr int kPowerOffMilliseconds = 10'000;
constexpr const char* kInitrd = "initrd";

std::uint32_t processors_for(const control::MachineShape& shape) {
  const long here = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  return static_cast<std::uint32_t>(std::clamp<long>(shape.vcpus, 1, here));
}

std::string socket_name(std::uint16_t device_index) { return fmt::format("eth{}.sock", device_index); }

}  // namespace

Result<void> RunningMachine::write_initrd(const MachineLaunch& launch,
                                          const std::string& guest_folder) const {
  CpioArchive archive;
  archive.add_folder("etc");
  archive.add_folder("etc/enid");
  archive.add_file("etc/enid/hostname", launch.hostname);
  if (!launch.user_data.empty()) archive.add_file("etc/enid/user_data", launch.user_data);
  if (!launch.authorized_key.empty()) archive.add_file("etc/enid/authorized_key", launch.authorized_key);
  std::error_code code;
  std::filesystem::copy_file(guest_folder + "/root.cpio.zst", folder_.file(kInitrd),
                             std::filesystem::copy_options::overwrite_existing, code);
  if (code) return failure(code, "copy the guest's file tree");
  std::ofstream file(folder_.file(kInitrd), std::ios::binary | std::ios::app);
  // An archive begins at a multiple of four bytes; zeros between archives are passed over.
  file << std::string((4 - std::filesystem::file_size(folder_.file(kInitrd)) % 4) % 4, '\0');
  file << archive.finish();
  file.close();
  if (!file) return errno_failure("write " + folder_.file(kInitrd));
  return {};
}

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

Result<void> RunningMachine::start(const MachineLaunch& launch, const std::string& guest_folder,
                                   const std::vector<control::InterfaceAttachment>& interfaces) {
  QemuMachine machine{.name = launch.hostname,
                      .program = guest_folder + "/qemu-system-x86_64",
                      .kernel = guest_folder + "/vmlinuz",
                      .initrd = kInitrd,
                      .kernel_arguments = "",
                      .accelerator = usable_accelerator(),
                      .memory_mebibytes = static_cast<std::uint32_t>(
                          std::clamp(launch.shape.memory_mib, kMemoryMebibytesMin, kMemoryMebibytesMax)),
                      .processors = processors_for(launch.shape),
                      .interfaces = {}};
  queue_pairs_ = static_cast<std::uint16_t>(std::min<std::uint32_t>(machine.processors, 8));
  TRY(write_initrd(launch, guest_folder));
  for (const control::InterfaceAttachment& attachment : interfaces) {
    TRY(make_device(attachment));
    machine.interfaces.push_back(
        {.device_index = attachment.device_index, .vfio_user_socket = socket_name(attachment.device_index)});
  }
  process_ = TRY(start_qemu(machine, folder_.path()));
  return folder_.write("process", process_->identity().text());
}

Result<void> RunningMachine::attach(const control::InterfaceAttachment& attachment) {
  const auto place = slots_.find(attachment.device_index);
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
    if (!force && process_->ask_to_power_off()) process_->wait_until_ended(kPowerOffMilliseconds);
    process_->stop();
    process_.reset();
  }
  slots_.clear();
  folder_.erase("process");
}

}  // namespace enid::instances
