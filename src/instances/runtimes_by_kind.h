// RuntimesByKind: instances as namespaces and instances as virtual machines, behind one InstanceRuntime.
//
//   A launch says which kind it is (InstanceLaunch::machine); afterwards an instance belongs to whichever
//   runtime has something of it on disk.
#pragma once

#include "control/instance_runtime.h"
#include "instances/qemu_runtime.h"

namespace enid::instances {

class RuntimesByKind final : public control::InstanceRuntime {
 public:
  // Both must outlive it.
  RuntimesByKind(control::InstanceRuntime& namespaces, QemuRuntime& machines);

  void start(control::InstanceLaunch launch, Done done) override;
  void stop(const InstanceId& id, bool force, Done done) override;
  void reboot(const InstanceId& id, Done done) override;
  void remove(const InstanceId& id, Done done) override;
  void attach(const InstanceId& id, const control::InterfaceAttachment& attachment, Done done) override;
  void detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) override;
  void adopt(const InstanceId& id, std::vector<control::InterfaceAttachment> attachments, Done done) override;
  void stop_all(Done done) override;

  control::RunState state(const InstanceId& id) override;
  std::vector<InstanceId> present() override;
  Result<control::ConsoleOutput> console_output(const InstanceId& id) override;
  void set_powered_off_listener(PoweredOff listener) override;

 private:
  control::InstanceRuntime& of(const InstanceId& id);

  control::InstanceRuntime& namespaces_;
  QemuRuntime& machines_;
};

}  // namespace enid::instances
