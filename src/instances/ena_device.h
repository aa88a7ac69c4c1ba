// EnaDevice: a network interface as an emulated ENA device on a Unix socket, its rings polled by the card.
//
// Theory of operation
//   The slow half (registers, admin queue) answers on the devices' thread, over vfio-user; the fast half is
//   the interface's port on the card's thread. Any QEMU that shares its memory may take the socket.
//
// Invariant: when the device is destroyed, its port has left the card, and its socket is gone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/result.h"
#include "host/card_worker.h"
#include "host/device_thread.h"

namespace enid::instances {

struct EnaDeviceOptions {
  NetworkInterfaceId interface;
  MacAddress mac;
  std::string socket;
  std::uint16_t queue_pairs = 1;
  std::uint16_t mtu = 9001;
};

class EnaDevice {
 public:
  // Both must outlive the device.
  static Result<std::unique_ptr<EnaDevice>> create(const EnaDeviceOptions& options,
                                                   host::DeviceThread& thread, host::CardWorker& worker);
  ~EnaDevice();
  EnaDevice(const EnaDevice&) = delete;
  EnaDevice& operator=(const EnaDevice&) = delete;

  // Takes the interface from the card, so that it may be bound elsewhere; the guest keeps a card without a
  // link.
  void park();
  void unpark();

 private:
  struct Parts;
  explicit EnaDevice(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::instances
