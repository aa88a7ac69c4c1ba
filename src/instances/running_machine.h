// RunningMachine: a virtual machine that runs, with the devices that it holds.
//
// Theory of operation
//   Each interface has a process of its own (device_process.h), which the daemon's DeviceServer knows by the
//   time QEMU asks for it. All of them outlive the daemon; the next one finds them again by adopt().
#pragma once

#include <map>
#include <memory>
#include <string>

#include "control/instance_runtime.h"
#include "instances/device_process.h"
#include "instances/device_server.h"
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
  // `devices` outlives the machine.
  RunningMachine(InstanceId id, InstanceFolder folder, DeviceServer& devices, DevicePrograms device_programs)
      : id_(std::move(id)),
        folder_(std::move(folder)),
        devices_(devices),
        device_programs_(std::move(device_programs)) {}

  Result<void> start(const MachineLaunch& launch, const GuestPrograms& programs,
                     const std::vector<control::InterfaceAttachment>& interfaces);
  // Takes over a machine of an earlier daemon with all its devices. Refused when one of them is dead: then
  // nothing but stop() is of use.
  Result<void> adopt(const MachineLaunch& launch,
                     const std::vector<control::InterfaceAttachment>& interfaces);
  Result<void> reboot();
  Result<void> attach(const control::InterfaceAttachment& attachment);
  Result<void> detach(const NetworkInterfaceId& interface);
  // Asks the guest to power off and waits a while, unless `force`; then ends QEMU.
  void stop(bool force);

  const QemuProcess& process() const { return *process_; }

 private:
  struct Slot {
    DeviceProcess process;
    bool is_parked = false;

    const NetworkInterfaceId& interface() const { return process.attachment().interface; }
  };

  Result<void> make_device(const control::InterfaceAttachment& attachment);
  Result<void> await_device(const DeviceProcess& process);
  void end_device(Slot& slot);

  InstanceId id_;
  InstanceFolder folder_;
  DeviceServer& devices_;
  DevicePrograms device_programs_;
  std::uint16_t queue_pairs_ = 1;
  std::map<std::uint16_t, Slot> slots_;  // By the machine's port.
  std::optional<QemuProcess> process_;   // It uses the devices.
  std::unique_ptr<AgentRelay> agent_;
};

}  // namespace enid::instances
