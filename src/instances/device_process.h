// DeviceProcess: the `enid device` of one interface of a virtual machine, as the daemon starts, finds and
// ends it.
//
// Theory of operation
//   It runs in the machine's folder, where QEMU runs too, so that sockets have short relative names. What
//   the next daemon must know is in a file:
//   N is the machine's port:
//     ethN.sock      where QEMU connects
//     ethN.device    the process (ProcessIdentity), and on the next line interface, MAC and MTU
//     ethN.log       what it said
//
// Invariants
//   (1) It outlives the daemon that started it, and ends when its QEMU has gone.
//   (2) When stop() returns it has ended, and its socket and file are gone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/resource_id.h"
#include "base/result.h"
#include "control/instance_runtime.h"
#include "host/unique_fd.h"
#include "instances/instance_folder.h"
#include "instances/process_identity.h"

namespace enid::instances {

struct DevicePrograms {
  std::string program;       // enid
  std::string state_folder;  // Absolute.
};

class DeviceProcess {
 public:
  // The socket of QEMU's side; relative to the folder.
  static std::string socket_name(std::uint16_t machine_port);

  static Result<DeviceProcess> start(const DevicePrograms& programs, const InstanceFolder& folder,
                                     const InstanceId& instance,
                                     const control::InterfaceAttachment& attachment,
                                     std::uint16_t queue_pairs);
  // All that the folder tells of, living or not, by the machine's port.
  static std::map<std::uint16_t, DeviceProcess> find_all(const InstanceFolder& folder);

  const control::InterfaceAttachment& attachment() const { return attachment_; }
  bool is_alive() const { return identity_.is_alive(); }
  // The last line that it said.
  std::string last_words() const;
  void stop();

 private:
  DeviceProcess(InstanceFolder folder, control::InterfaceAttachment attachment, ProcessIdentity identity)
      : folder_(std::move(folder)), attachment_(std::move(attachment)), identity_(std::move(identity)) {}

  InstanceFolder folder_;
  control::InterfaceAttachment attachment_;
  ProcessIdentity identity_;
};

}  // namespace enid::instances
