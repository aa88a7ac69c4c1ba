// InstanceRuntime: what the control plane needs of whatever runs instances (network
// namespaces today, QEMU later).
//
// Theory of operation
//   Calls start work and return at once; `done` is called later, once, on any thread, with
//   the outcome. The owner posts it back to the control thread. Events that nobody asked for
//   (an instance that powered itself off) arrive through the listener in the same way.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/result.h"

namespace enid::control {

struct InterfaceAttachment {
  NetworkInterfaceId interface;
  MacAddress mac;
  std::uint16_t device_index = 0;  // Unique on its network card. On card 0, N appears as ethN.
  std::uint16_t network_card_index = 0;
  std::uint16_t mtu = 9001;
  std::uint16_t machine_port =
      0;  // Follows from the two indexes and the instance type (vpc/machine_ports.h).
};

// What a virtual machine has of processors, memory and PCI places, by its instance type.
struct MachineShape {
  std::int32_t vcpus = 1;
  std::int64_t memory_mib = 512;
  std::uint16_t interface_ports = 15;           // PCI places for interfaces.
  std::uint16_t interface_ports_per_card = 15;  // Of these, each network card's; see vpc/machine_ports.h.
};

struct InstanceLaunch {
  InstanceId id;
  std::string hostname;   // "ip-10-0-0-5"
  std::string user_data;  // Decoded; empty for none. Run once, at first boot, when it begins with "#!".
  bool first_boot = true;
  std::string authorized_key;           // Public key text of the key pair, or empty.
  std::optional<MachineShape> machine;  // A virtual machine; without, namespaces.
  std::vector<InterfaceAttachment> interfaces;
};

enum class RunState : std::uint8_t { kAbsent, kRunning };

struct ConsoleOutput {
  std::string text;  // Raw bytes, the last 64 KiB.
  std::int64_t modified_milliseconds_since_epoch = 0;
};

class InstanceRuntime {
 public:
  using Done = std::function<void(Result<void>)>;
  using PoweredOff = std::function<void(InstanceId)>;

  virtual ~InstanceRuntime() = default;

  virtual void start(InstanceLaunch launch, Done done) = 0;
  // Asks the init to end everything inside, waits a bounded time, then kills. Interfaces go with it.
  virtual void stop(const InstanceId& id, bool force, Done done) = 0;
  virtual void reboot(const InstanceId& id, Done done) = 0;
  // Stops if needed and removes all that the instance left on disk.
  virtual void remove(const InstanceId& id, Done done) = 0;
  // Hot attach and detach. The device is up, bound to the card and being configured when `done` is called.
  // device_or_resource_busy: not at this device index now; the message is for the caller.
  virtual void attach(const InstanceId& id, const InterfaceAttachment& attachment, Done done) = 0;
  virtual void detach(const InstanceId& id, const NetworkInterfaceId& interface, Done done) = 0;

  // Takes over an instance that outlived an earlier daemon, and binds its devices to the card again.
  virtual void adopt(const InstanceId& id, std::vector<InterfaceAttachment> attachments, Done done) = 0;
  // Stops every instance; nothing is removed. For the end of the daemon.
  virtual void stop_all(Done done) = 0;

  // What really runs now; used at start to adopt instances that outlived an earlier daemon.
  virtual RunState state(const InstanceId& id) = 0;
  virtual std::vector<InstanceId> present() = 0;
  virtual Result<ConsoleOutput> console_output(const InstanceId& id) = 0;
  virtual void set_powered_off_listener(PoweredOff listener) = 0;
};

}  // namespace enid::control
