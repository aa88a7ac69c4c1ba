// QemuMachine: what a machine is made of, and the command line that makes QEMU such a machine.
//
// Theory of operation
//   A q35 machine whose memory is a shared memfd, so that a card in another process can reach it
//   (vfio-user). Each interface has a PCI Express root port of its own, made at start whether it
//   is used or not, because a card can only be added later to a port that is there. Port N is
//   00:(0x10 + N mod 15).(N div 15). Of a type with one network card it is that of device index N, and
//   the guest names the card behind it ethN, in whatever order cards come; of a type with several, each has
//   interface_ports_per_card ports, one's after the other's, and the guest is told how many, so that it can
//   name device index D of card C eth(1000 C + D), as instances in namespaces do
//   (tools/guest/root/interfaces). Every path but those of programs and images may be relative to the folder
//   QEMU is started in, so socket addresses stay short.
//
// Invariants: pure; the same description gives the same command line. What comes from outside
// (paths, names) cannot add options: it is in JSON or has its commas doubled.
//
// Sources: Observed: QEMU 11.1.3. vfio-user-pci needs memory with a descriptor, and its socket
// argument the JSON form of -device. 15 interfaces is EC2's most for one card
// (Documented: EC2 User Guide, "Maximum network interfaces").
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/ip_address.h"

namespace enid::instances {

inline constexpr std::uint16_t kQemuInterfaces = 15;          // Ports of a machine with one network card.
inline constexpr std::uint16_t kMostQemuInterfaces = 15 * 8;  // Slots, and functions of each.

enum class Accelerator : std::uint8_t { kTcg, kKvm };

struct QemuInterface {
  std::uint16_t device_index = 0;     // The port's number: below interface_ports.
  std::string vfio_user_socket = {};  // Where the card listens; must exist before the card is added.
  std::string tap_device = {};        // Instead: a virtio card on this TAP, with `mac`.
  MacAddress mac{};
};

struct QemuMachine {
  std::string name;
  std::string program;  // guest/qemu-system-x86_64
  std::string kernel;
  std::string initrd;
  std::string disk = {};         // A raw image, the guest's /dev/vda; empty: none.
  std::string kernel_arguments;  // Beside the console's.
  Accelerator accelerator = Accelerator::kTcg;
  std::uint32_t memory_mebibytes = 256;
  std::uint32_t processors = 1;
  std::uint16_t interface_ports = kQemuInterfaces;           // How many root ports are made.
  std::uint16_t interface_ports_per_card = kQemuInterfaces;  // Of these, each network card's.
  std::vector<QemuInterface> interfaces;
  std::string console_log = "console.log";  // Appended to.
  std::string qmp_socket = "qmp.sock";
  std::string agent_socket = "agent.sock";
  bool virtual_iommu = false;  // For drivers in user space (DPDK).
};

// The whole argument vector, the program first.
std::vector<std::string> qemu_arguments(const QemuMachine& machine);

// The device of an interface: the value of -device and the arguments of device_add.
nlohmann::json interface_device(const QemuInterface& interface);
// The name of that device, for device_del and in events: "eth3".
std::string interface_device_id(std::uint16_t device_index);

}  // namespace enid::instances
