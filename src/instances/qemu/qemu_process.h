// QemuProcess: a QEMU that runs, seen from the daemon.
//
// Theory of operation
//   start_qemu() forks; the child enters the instance's folder, so that sockets have short
//   relative names there, starts a session of its own, keeps its standard streams in `qemu.log`
//   and becomes QEMU. It returns when QEMU answers on its control socket, or with the last line
//   of qemu.log when it ended instead. Reboot is QEMU's own reset of the machine: the process,
//   its control socket and its cards stay.
//
// Invariants
//   (1) When stop() returns, the process has ended and, if it is our child, is reaped.
//   (2) A QEMU outlives the daemon that started it; the next one takes hold of it by open().
//       Its cards do not: a vfio-user card that lost its server stays dead (Observed: QEMU 11.1.3).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "host/unique_fd.h"
#include "instances/process_identity.h"
#include "instances/qemu/qemu_machine.h"
#include "instances/qemu/qmp_client.h"

namespace enid::instances {

// kKvm where the processor has what KVM needs and /dev/kvm lets us in. Chosen: QEMU's own
// fallback ("-accel kvm -accel tcg") asks /dev/kvm only, and a host that is itself a guest may
// have a /dev/kvm that stops with an internal error in the kernel's first instructions.
Accelerator usable_accelerator();

class QemuProcess {
 public:
  // Takes hold of a QEMU that an earlier daemon started.
  static Result<QemuProcess> open(const ProcessIdentity& identity, const std::string& folder,
                                  const std::string& qmp_socket = "qmp.sock");

  const ProcessIdentity& identity() const { return identity_; }
  const host::UniqueFd& process() const { return process_; }  // A pidfd, for ProcessWatcher.
  QmpClient& control() { return control_; }

  // True when it has ended, waiting at most so long. Reaps it if it is our child.
  bool wait_until_ended(int timeout_ms) const;

  Result<void> reboot();
  // Presses the power button. The guest may take its time, or not care.
  Result<void> ask_to_power_off();
  // Ends QEMU, whatever the guest does: by command, or by SIGKILL when it does not listen.
  void stop();

  Result<void> add_interface(const QemuInterface& interface);

 private:
  friend Result<QemuProcess> start_qemu(const QemuMachine& machine, const std::string& folder);
  QemuProcess(ProcessIdentity identity, host::UniqueFd process, QmpClient control)
      : identity_(std::move(identity)), process_(std::move(process)), control_(std::move(control)) {}

  ProcessIdentity identity_;
  host::UniqueFd process_;
  QmpClient control_;
};

// `folder` must exist; relative paths of `machine` are in it.
Result<QemuProcess> start_qemu(const QemuMachine& machine, const std::string& folder);

}  // namespace enid::instances
