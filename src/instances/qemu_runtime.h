// QemuRuntime: instances as virtual machines, their interfaces as emulated ENA devices.
//
// Theory of operation
//   start() makes a device's process for each interface (device_process.h), which listens in the instance's
//   folder, then a QEMU that is given those sockets. The guest boots Debian's kernel from memory, names its
//   cards by their slots, asks the card for addresses and runs user data; its console is a file. The instance
//   runs once QEMU runs, as EC2 has it, while the guest still boots.
//
//   Detaching while a guest runs parks the device: link down, no frames, its place in the PCI tree kept,
//   because QEMU aborts when such a device is unplugged. The same interface can come back to its place;
//   another one at this device index waits for a stop.
//
// Invariants
//   (1) When the daemon is killed, its machines and their devices' processes go on; frames wait. adopt()
//   takes them over. Only a machine that has lost its QEMU or one of its devices (QEMU never connects again)
//   is started anew, as after a power failure. (2) When stop() is done, no process and no socket of the
//   instance is left; when remove() is done, no file.
//
// Observed: QEMU 11.1.3 (device_del of a vfio-user device with MSI-X fails an assertion).
#pragma once

#include <memory>
#include <string>

#include "control/instance_runtime.h"
#include "instances/device_server.h"

namespace enid::instances {

struct QemuRuntimeOptions {
  std::string machines_folder;  // STATE/machines; made when missing.
  std::string state_folder;     // STATE: guest/ below it has QEMU, kernel and root file system.
  std::string fetch_program;    // Makes STATE/guest when it is not there: tools/guest/fetch.sh.
  std::string agent_program;    // enid-guest-agent.
  std::string device_program;   // Has the command `device`: enid itself.
};

class QemuRuntime final : public control::InstanceRuntime {
 public:
  // `devices` outlives the runtime.
  static Result<std::unique_ptr<QemuRuntime>> create(QemuRuntimeOptions options, DeviceServer& devices);
  // Waits for calls that were made; machines that run stay.
  ~QemuRuntime() override;

  void start(control::InstanceLaunch launch, Done done) override;
  void stop(const InstanceId& id, bool force, Done done) override;
  void reboot(const InstanceId& id, Done done) override;
  void remove(const InstanceId& id, Done done) override;
  void attach(const InstanceId& id, const control::InterfaceAttachment& attachment, Done done) override;
  void detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) override;
  void adopt(const InstanceId& id, std::vector<control::InterfaceAttachment> attachments, Done done) override;
  void stop_all(Done done) override;

  // Something of this instance is on disk.
  bool has(const InstanceId& id) const;

  control::RunState state(const InstanceId& id) override;
  std::vector<InstanceId> present() override;
  Result<control::ConsoleOutput> console_output(const InstanceId& id) override;
  void set_powered_off_listener(PoweredOff listener) override;

 private:
  struct Parts;
  explicit QemuRuntime(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::instances
