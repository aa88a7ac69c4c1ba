#include "instances/qemu/qemu_machine.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace enid::instances {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

QemuMachine small_machine() {
  QemuMachine machine;
  machine.name = "i-0123";
  machine.program = "/state/guest/qemu-system-x86_64";
  machine.kernel = "/state/guest/vmlinuz";
  machine.initrd = "initrd";
  return machine;
}

std::vector<nlohmann::json> devices_of(const QemuMachine& machine) {
  const std::vector<std::string> arguments = qemu_arguments(machine);
  std::vector<nlohmann::json> devices;
  for (std::size_t i = 0; i + 1 < arguments.size(); ++i)
    if (arguments[i] == "-device" && arguments[i + 1].starts_with('{'))
      devices.push_back(nlohmann::json::parse(arguments[i + 1]));
  return devices;
}

TEST(QemuMachine, has_memory_that_a_card_in_another_process_can_reach) {
  const auto arguments = qemu_arguments(small_machine());
  EXPECT_EQ(arguments.front(), "/state/guest/qemu-system-x86_64");
  EXPECT_THAT(arguments, Contains("memory-backend-memfd,id=memory,size=256M,share=on"));
  EXPECT_THAT(arguments, Contains(HasSubstr("q35,memory-backend=memory")));
}

TEST(QemuMachine, gives_each_device_index_a_port_of_its_own_that_never_moves) {
  QemuMachine machine = small_machine();
  std::set<std::string> addresses;
  for (const nlohmann::json& device : devices_of(machine)) {
    if (device["driver"] != "pcie-root-port") continue;
    addresses.insert(device["addr"].get<std::string>());
    if (device["id"] == "port3") {
      EXPECT_EQ(device["addr"], "0x13");
    }
  }
  EXPECT_EQ(addresses.size(), kQemuInterfaces);
  EXPECT_EQ(*addresses.begin(), "0x10");
  EXPECT_EQ(*addresses.rbegin(), "0x1e");
}

TEST(QemuMachine, of_several_network_cards_shares_slots_among_ports_and_tells_the_guest_how_to_count) {
  QemuMachine machine;
  machine.interface_ports = 64;
  machine.interface_ports_per_card = 2;
  machine.interfaces = {{.device_index = 63, .vfio_user_socket = "eth63.sock"}};
  std::set<std::string> addresses;
  const std::vector<std::string> arguments = qemu_arguments(machine);
  for (const std::string& argument : arguments) {
    if (argument.find("pcie-root-port") == argument.npos) continue;
    const nlohmann::json device = nlohmann::json::parse(argument);
    EXPECT_EQ(device["multifunction"], true);
    addresses.insert(device["addr"].get<std::string>());
    if (device["id"] == "port63") {
      EXPECT_EQ(device["addr"], "0x13.0x4");
    }
  }
  EXPECT_EQ(addresses.size(), 64U);
  EXPECT_TRUE(std::ranges::any_of(arguments, [](const std::string& argument) {
    return argument.find("enid.interface_ports_per_card=2") != argument.npos;
  }));
}

TEST(QemuMachine, connects_a_card_by_its_socket) {
  QemuMachine machine = small_machine();
  machine.interfaces.push_back({.device_index = 2, .vfio_user_socket = "eth2.sock"});
  EXPECT_THAT(devices_of(machine), Contains(nlohmann::json::parse(
                                       R"({"driver":"vfio-user-pci","id":"eth2","bus":"port2",
                                           "socket":{"type":"unix","path":"eth2.sock"}})")));
}

TEST(QemuMachine, can_have_a_virtio_card_on_a_tap_instead) {
  QemuMachine machine = small_machine();
  machine.interfaces.push_back({.tap_device = "tap0", .mac = {{2, 0, 0, 0, 0, 5}}});
  EXPECT_THAT(qemu_arguments(machine), Contains("tap,script=no,downscript=no,id=net-eth0,ifname=tap0"));
  EXPECT_THAT(devices_of(machine), Contains(nlohmann::json::parse(
                                       R"({"driver":"virtio-net-pci","id":"eth0","bus":"port0",
                                           "netdev":"net-eth0","mac":"02:00:00:00:00:05","romfile":""})")));
}

TEST(QemuMachine, takes_no_option_from_a_name_or_a_path) {
  QemuMachine machine = small_machine();
  machine.name = "x,debug-threads=on";
  machine.console_log = "a,append=off";
  machine.interfaces.push_back({.tap_device = "t,script=/bin/sh"});
  machine.interfaces.push_back({.device_index = 1, .vfio_user_socket = "\xff\",\"x\":\"y"});
  const auto arguments = qemu_arguments(machine);
  EXPECT_THAT(arguments, Contains("guest=x,,debug-threads=on"));
  EXPECT_THAT(arguments, Contains("file,id=console,append=on,path=a,,append=off"));
  EXPECT_THAT(arguments, Contains(HasSubstr("ifname=t,,script=/bin/sh")));
  for (const nlohmann::json& device : devices_of(machine)) EXPECT_FALSE(device.contains("x"));
}

TEST(QemuMachine, has_a_disk_whose_failures_are_the_guests_to_see) {
  EXPECT_THAT(qemu_arguments(small_machine()), Not(Contains("-blockdev")));
  QemuMachine machine = small_machine();
  machine.disk = "a,b\"disk";
  EXPECT_THAT(qemu_arguments(machine),
              Contains(HasSubstr(R"("file":{"driver":"file","filename":"a,b\"disk"})")));
  EXPECT_THAT(devices_of(machine), Contains(nlohmann::json::parse(
                                       R"({"driver":"virtio-blk-pci","id":"root","drive":"disk",
                                           "bus":"pcie.0","addr":"0x4","werror":"report",
                                           "rerror":"report"})")));
}

TEST(QemuMachine, uses_kvm_only_when_told_to) {
  QemuMachine machine = small_machine();
  EXPECT_THAT(qemu_arguments(machine), Not(Contains("kvm")));
  machine.accelerator = Accelerator::kKvm;
  EXPECT_THAT(qemu_arguments(machine), Contains("kvm"));
}

}  // namespace
}  // namespace enid::instances
