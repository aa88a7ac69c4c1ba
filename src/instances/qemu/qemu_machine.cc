#include "instances/qemu/qemu_machine.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/check.h"

namespace enid::instances {
namespace {

using nlohmann::json;

constexpr unsigned kPortSlots = 15;
constexpr unsigned kFirstPortSlot = 0x10;  // Behind 0x10 … 0x1e; 0x1f is the machine's own bridge.

std::string port_id(unsigned port) { return "port" + std::to_string(port); }

// In QEMU's option lists a comma ends a value, two commas are one.
std::string option_value(std::string_view value) {
  std::string out;
  for (const char c : value) out.append(c == ',' ? 2 : 1, c);
  return out;
}

std::string text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json port_device(unsigned port, bool shares_slots) {
  std::array<char, 16> address{};
  const unsigned slot = kFirstPortSlot + port % kPortSlots, function = port / kPortSlots;
  std::snprintf(address.data(), address.size(), function == 0 ? "0x%x" : "0x%x.0x%x", slot, function);
  json device = {{"driver", "pcie-root-port"}, {"id", port_id(port)},  {"bus", "pcie.0"},
                 {"addr", address.data()},     {"chassis", port + 1U}, {"slot", port + 1U}};
  if (shares_slots) device["multifunction"] = true;
  return device;
}

void add_base(std::vector<std::string>& arguments, const QemuMachine& machine) {
  const std::string memory = std::to_string(machine.memory_mebibytes) + "M";
  const auto add = [&](std::initializer_list<std::string> more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  };
  add({"-name", "guest=" + option_value(machine.name)});
  add({"-nodefaults", "-no-user-config", "-display", "none"});
  // Beside its memory and its card, QEMU needs nothing of the host.
  add({"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"});
  add({"-accel", machine.accelerator == Accelerator::kKvm ? "kvm" : "tcg"});
  add({"-cpu", machine.accelerator == Accelerator::kKvm ? "host" : "qemu64"});
  add({"-machine",
       "q35,memory-backend=memory" + std::string(machine.virtual_iommu ? ",kernel-irqchip=split" : "")});
  add({"-m", memory, "-smp", std::to_string(machine.processors)});
  add({"-object", "memory-backend-memfd,id=memory,size=" + memory + ",share=on"});
  add({"-kernel", machine.kernel, "-initrd", machine.initrd});
  std::string kernel_arguments = "console=ttyS0 quiet panic=-1";
  if (machine.interface_ports_per_card != kQemuInterfaces)
    kernel_arguments += " enid.interface_ports_per_card=" + std::to_string(machine.interface_ports_per_card);
  add({"-append",
       kernel_arguments + (machine.kernel_arguments.empty() ? "" : " " + machine.kernel_arguments)});
}

// A failure is the guest's to see (EIO), as a full disk of the host's is: QEMU would rather stop the machine.
void add_disk(std::vector<std::string>& arguments, const QemuMachine& machine) {
  if (machine.disk.empty()) return;
  const json node = {{"driver", "raw"},
                     {"node-name", "disk"},
                     {"discard", "unmap"},
                     {"file", {{"driver", "file"}, {"filename", machine.disk}}}};
  const json device = {{"driver", "virtio-blk-pci"},
                       {"id", "root"},
                       {"drive", "disk"},
                       {"bus", "pcie.0"},
                       {"addr", "0x4"},
                       {"werror", "report"},
                       {"rerror", "report"}};
  arguments.insert(arguments.end(), {"-blockdev", text(node), "-device", text(device)});
}

void add_channels(std::vector<std::string>& arguments, const QemuMachine& machine) {
  const auto add = [&](std::initializer_list<std::string> more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  };
  add({"-chardev", "file,id=console,append=on,path=" + option_value(machine.console_log)});
  add({"-serial", "chardev:console"});
  add({"-chardev", "socket,id=qmp,server=on,wait=off,path=" + option_value(machine.qmp_socket)});
  add({"-mon", "chardev=qmp,mode=control"});
  add({"-chardev", "socket,id=agent,server=on,wait=off,path=" + option_value(machine.agent_socket)});
  add({"-device", R"({"driver":"virtio-serial-pci","id":"channels","bus":"pcie.0","addr":"0x2"})"});
  add({"-device", R"({"driver":"virtserialport","bus":"channels.0","chardev":"agent","name":"enid.agent"})"});
  add({"-device", R"({"driver":"virtio-rng-pci","bus":"pcie.0","addr":"0x3","rng":"random"})"});
  add({"-object", "rng-random,id=random,filename=/dev/urandom"});
}

}  // namespace

std::string interface_device_id(std::uint16_t device_index) { return "eth" + std::to_string(device_index); }

json interface_device(const QemuInterface& interface) {
  CHECK(interface.device_index < kMostQemuInterfaces);
  const std::string id = interface_device_id(interface.device_index);
  json device = {{"id", id}, {"bus", port_id(interface.device_index)}};
  if (!interface.vfio_user_socket.empty()) {
    device["driver"] = "vfio-user-pci";
    device["socket"] = {{"type", "unix"}, {"path", interface.vfio_user_socket}};
  } else {
    device["driver"] = "virtio-net-pci";
    device["netdev"] = "net-" + id;
    device["mac"] = interface.mac.text();
    device["romfile"] = "";
  }
  return device;
}

std::vector<std::string> qemu_arguments(const QemuMachine& machine) {
  CHECK(machine.interface_ports <= kMostQemuInterfaces);
  std::vector<std::string> arguments = {machine.program};
  add_base(arguments, machine);
  if (machine.virtual_iommu)
    arguments.insert(arguments.end(), {"-device", "intel-iommu,caching-mode=on,intremap=off"});
  add_channels(arguments, machine);
  add_disk(arguments, machine);
  for (unsigned index = 0; index < machine.interface_ports; ++index)
    arguments.insert(arguments.end(),
                     {"-device", text(port_device(index, machine.interface_ports > kPortSlots))});
  for (const QemuInterface& interface : machine.interfaces) {
    CHECK(interface.device_index < machine.interface_ports);
    if (interface.vfio_user_socket.empty())
      arguments.insert(arguments.end(), {"-netdev", "tap,script=no,downscript=no,id=net-" +
                                                        interface_device_id(interface.device_index) +
                                                        ",ifname=" + option_value(interface.tap_device)});
    arguments.insert(arguments.end(), {"-device", text(interface_device(interface))});
  }
  return arguments;
}

}  // namespace enid::instances
