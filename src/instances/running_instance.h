// RunningInstance: an instance that runs, as the daemon holds it: its process 1, its network
// namespace, and the devices that are bound to the card.
//
// Theory of operation
//   All functions block, for bounded times; NetnsRuntime calls them on its workers, one at a
//   time for one instance.
//
// Invariant: a device that is listed is bound; one that is not listed is not in the namespace.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/instance_runtime.h"
#include "instances/init_process.h"
#include "instances/instance_folder.h"
#include "instances/port_binder.h"

namespace enid::instances {

// "eth1" for device index 1. On network card C of several, "eth" and 1000 × C + device index: "eth2001".
std::string device_name(const control::InterfaceAttachment& attachment);

class RunningInstance {
 public:
  RunningInstance(InstanceFolder folder, InitProcess init, PortBinder& binder);

  const InitProcess& init() const { return init_; }

  // Makes (or finds) the device and binds it, has it configured inside. Returns when the DHCP
  // client has its lease, or after kLeaseMilliseconds without one.
  Result<void> attach(const control::InterfaceAttachment& attachment);
  Result<void> detach(const NetworkInterfaceId& interface);
  // Attaches what is listed and removes every other device of ours.
  Result<void> reconcile(const std::vector<control::InterfaceAttachment>& attachments);
  Result<void> boot(bool first);
  Result<void> reboot();
  // Afterwards no process and no device is left.
  Result<void> stop(bool force);
  // The instance has ended by itself: frees what it held here.
  void release();

  static constexpr int kLeaseMilliseconds = 2000;

 private:
  Result<void> ask(const std::vector<std::string>& fields, int timeout_ms);
  Result<void> make_device(const control::InterfaceAttachment& attachment, const std::string& name);
  void unbind(const NetworkInterfaceId& interface);

  InstanceFolder folder_;
  InitProcess init_;
  PortBinder& binder_;
  std::map<NetworkInterfaceId, std::string> devices_;  // Their names.
};

}  // namespace enid::instances
