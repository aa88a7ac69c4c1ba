// DeviceServer: the daemon's door for processes that hold devices (STATE/devices.sock).
//
// Theory of operation
//   A virtual machine's devices are announced by expect() before their processes come. One that is parked
//   keeps its process, with the link down, while another instance may have the interface. Any other process
//   is a user's own (`enid device --eni …`): it may have an interface that no running instance uses, as
//   facts() tells, and its link goes down when an instance takes the interface, until it is given back. A
//   process that comes too early, while the daemon starts, is told to come again.
//
// Invariants
//   (1) An interface has at most one process for each machine and one of a user's. The user's port is not the
//   card's while an instance has the interface: when expect() and claim() return, it has left.
//   (2) Functions may be called on any thread but the card's; they wait for the devices' thread.
//
// Chosen: kConnectionsMax.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/result.h"
#include "control/instance_runtime.h"
#include "host/card_worker.h"
#include "host/device_thread.h"
#include "instances/device_connection.h"

namespace enid::instances {

// What a user's device must be.
struct DeviceFacts {
  MacAddress mac{};
  std::uint16_t mtu = 9001;
  std::string description;  // For people.
};

class DeviceServer {
 public:
  static constexpr std::size_t kConnectionsMax = 1024;
  // Asks whether a user may have the interface; an error says why not, for people. `done` on any thread.
  using Facts =
      std::function<void(const NetworkInterfaceId& interface, std::function<void(Result<DeviceFacts>)> done)>;

  // Listens at `path`, replacing what lies there. `thread` and `worker` outlive the server.
  static Result<std::unique_ptr<DeviceServer>> create(const std::string& path, host::DeviceThread& thread,
                                                      host::CardWorker& worker);
  // Takes every port from the card; the processes stay, and await another daemon.
  ~DeviceServer();
  DeviceServer(const DeviceServer&) = delete;
  DeviceServer& operator=(const DeviceServer&) = delete;

  // From now on users' devices are served; with nullptr no more.
  void set_facts(Facts facts);

  // A machine's device: its process may come from now on, and again after it was lost. Called again, it
  // changes the link: once it is down, the interface's port has left the card.
  void expect(const InstanceId& instance, const control::InterfaceAttachment& attachment, bool is_link_up);
  // Whether its process has come, and is whole.
  bool has_come(const InstanceId& instance, const NetworkInterfaceId& interface);
  void forget(const InstanceId& instance, const NetworkInterfaceId& interface);

  // An instance in namespaces takes the interface, and gives it back (any thread; does not wait).
  void claim(const NetworkInterfaceId& interface);
  void release(const NetworkInterfaceId& interface);

 private:
  struct Parts;
  explicit DeviceServer(std::shared_ptr<Parts> parts);
  std::shared_ptr<Parts> parts_;
};

}  // namespace enid::instances
