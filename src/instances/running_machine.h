// RunningMachine: a virtual machine that runs, with the devices that it holds.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "control/instance_runtime.h"
#include "instances/ena_device.h"
#include "instances/instance_folder.h"
#include "instances/qemu/agent_relay.h"
#include "instances/qemu/boot_archive.h"
#include "instances/qemu/qemu_process.h"

namespace enid::instances {

// What a machine is started with, besides its interfaces; kept in its folder, so that it can be started
// again.
struct MachineLaunch {
  GuestIdentity identity;
  control::MachineShape shape;
};

struct GuestPrograms {
  std::string guest_folder;       // Has QEMU, kernel and root file system.
  std::string agent;              // What answers `enid exec` inside.
  std::int64_t spare_memory = 0;  // What the host can give, in mebibytes.
};

class RunningMachine {
 public:
  RunningMachine(InstanceFolder folder, host::DeviceThread& devices, host::CardWorker& worker)
      : folder_(std::move(folder)), devices_(devices), worker_(worker) {}

  Result<void> start(const MachineLaunch& launch, const GuestPrograms& programs,
                     const std::vector<control::InterfaceAttachment>& interfaces);
  Result<void> reboot();
  Result<void> attach(const control::InterfaceAttachment& attachment);
  Result<void> detach(const NetworkInterfaceId& interface);
  // Asks the guest to power off and waits a while, unless `force`; then ends QEMU.
  void stop(bool force);

  const QemuProcess& process() const { return *process_; }

 private:
  struct Slot {
    NetworkInterfaceId interface;
    std::unique_ptr<EnaDevice> device;
    bool is_parked = false;
  };

  Result<Slot*> make_device(const control::InterfaceAttachment& attachment);

  InstanceFolder folder_;
  host::DeviceThread& devices_;
  host::CardWorker& worker_;
  std::uint16_t queue_pairs_ = 1;
  std::map<std::uint16_t, Slot> slots_;  // By device index.
  std::optional<QemuProcess> process_;   // It uses the devices.
  std::unique_ptr<AgentRelay> agent_;
};

}  // namespace enid::instances
