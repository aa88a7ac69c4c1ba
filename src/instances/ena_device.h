// EnaDevice: the slow half of an emulated ENA device, in a process of its own (`enid device`).
//
// Theory of operation
//   The process owns all that must outlive the daemon: the socket on which a QEMU talks to the device, its
//   registers and admin queue (the controller), the table of the guest's memory, the pages that the guest
//   maps, and the progress of its rings. The fast half is the interface's port on the daemon's card; it is
//   told by messages (daemon_link.h) and maps the same memory. When the daemon dies the guest goes on to be
//   answered, its rings stand still, and the next daemon is told all and goes on where the rings are.
//
// Invariants
//   (1) The guest never learns that the daemon was away, but by time that passed.
//   (2) No file of the guest's memory is taken that the daemon would refuse: only files that cannot shrink.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/resource_id.h"
#include "base/result.h"
#include "devices/ena/data_path_message.h"

namespace enid::instances {

struct EnaDeviceOptions {
  NetworkInterfaceId interface;
  std::string instance;       // Whose virtual machine it is part of; empty: a user's own.
  std::string socket;         // For QEMU.
  std::string daemon_socket;  // STATE/devices.sock
  std::uint16_t queue_pairs = 1;
  bool low_latency = false;
  // Serves one client. Called when it has gone, or none came in time; on the devices' thread.
  std::function<void()> on_over = {};
};

class EnaDevice {
 public:
  // Waits for the daemon's welcome. Refused, with the daemon's words for people, when there is none.
  static Result<std::unique_ptr<EnaDevice>> create(const EnaDeviceOptions& options);
  ~EnaDevice();
  EnaDevice(const EnaDevice&) = delete;
  EnaDevice& operator=(const EnaDevice&) = delete;

  // What the daemon said of the interface.
  const devices::ena::Welcome& welcome() const;

 private:
  struct Parts;
  explicit EnaDevice(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::instances
