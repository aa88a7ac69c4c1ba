// NetnsRuntime: instances as Linux namespaces, each with a process 1 of its own.
//
// Theory of operation
//   start() clones a child into new network, mount, UTS, PID and IPC namespaces; the child
//   runs this same binary as `instance-init` (init_main.h), which makes the instance's file
//   tree and then listens on STATE/instances/<id>/init.sock. Interfaces are persistent TAP
//   devices made inside the instance's network namespace; their descriptors go to the card
//   through PortBinder, their addresses are fetched by a DHCP client that the init runs.
//
//   All work happens on a few threads of the runtime's own: calls for one instance in the
//   order they were made, different instances in parallel. One more thread watches process 1
//   of every instance, so that an instance that powers itself off is noticed.
//
// Invariants
//   (1) An instance does not depend on this process: when it is killed, instances and their
//       devices stay, and the next NetnsRuntime on the same folder finds them (present(),
//       state()) and binds their devices again (adopt()).
//   (2) A process is known by its id and its start time, so a reused id is never mistaken.
//   (3) When stop() is done, no process and no device of the instance is left; when remove()
//       is done, no file either.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/instance_runtime.h"
#include "instances/port_binder.h"

namespace enid::instances {

struct NetnsRuntimeOptions {
  std::string state_folder;                     // STATE/instances; made when missing.
  std::string init_program = "/proc/self/exe";  // Run with first argument "instance-init".
  // What no instance may see, besides state_folder: STATE, and that of a daemon elsewhere on this machine.
  std::vector<std::string> hidden_folders = {};
};

class NetnsRuntime final : public control::InstanceRuntime {
 public:
  // `binder` must outlive the runtime.
  static Result<std::unique_ptr<NetnsRuntime>> create(NetnsRuntimeOptions options, PortBinder& binder);
  // Waits for calls that were made; leaves instances running.
  ~NetnsRuntime() override;

  void start(control::InstanceLaunch launch, Done done) override;
  void stop(const InstanceId& id, bool force, Done done) override;
  void reboot(const InstanceId& id, Done done) override;
  void remove(const InstanceId& id, Done done) override;
  void attach(const InstanceId& id, const control::InterfaceAttachment& attachment, Done done) override;
  void detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) override;

  control::RunState state(const InstanceId& id) override;
  std::vector<InstanceId> present() override;
  Result<control::ConsoleOutput> console_output(const InstanceId& id) override;
  void set_powered_off_listener(PoweredOff listener) override;

  // Takes over an instance that outlived an earlier daemon: binds its devices again, and makes
  // or removes devices until they are those of `attachments`. Called once at start.
  void adopt(const InstanceId& id, std::vector<control::InterfaceAttachment> attachments, Done done) override;
  // Stops every instance that runs (`enid down`). The listener is not told.
  void stop_all(Done done) override;

 private:
  struct Parts;
  explicit NetnsRuntime(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::instances
