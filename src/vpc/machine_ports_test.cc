#include "vpc/machine_ports.h"

#include <gtest/gtest.h>

#include <set>

#include "vpc/network_card.h"

namespace enid::vpc {
namespace {

TEST(MachinePorts, of_one_network_card_are_its_device_indexes) {
  const MachinePorts ports = machine_ports(*find_instance_type("t3.micro"));
  EXPECT_EQ(ports.port(0, 0), 0);
  EXPECT_EQ(ports.port(0, 14), 14);
  EXPECT_EQ(ports.port(0, 15), std::nullopt);
  EXPECT_EQ(ports.port(1, 0), std::nullopt);
  EXPECT_EQ(ports.port(0, -1), std::nullopt);
  EXPECT_EQ(machine_ports(*find_instance_type("c8a.48xlarge")).count, 24);
}

TEST(MachinePorts, of_several_network_cards_follow_one_another) {
  const MachinePorts ports = machine_ports(*find_instance_type("p5.48xlarge"));
  EXPECT_EQ(ports.count, 64);
  EXPECT_EQ(ports.port(0, 1), 1);
  EXPECT_EQ(ports.port(1, 0), 2);
  EXPECT_EQ(ports.port(31, 1), 63);
  EXPECT_EQ(ports.port(0, 2), std::nullopt);
  EXPECT_EQ(ports.port(32, 0), std::nullopt);
}

TEST(MachinePorts, are_one_for_each_interface_that_any_type_may_have) {
  for (const InstanceType& type : instance_types()) {
    const MachinePorts ports = machine_ports(type);
    EXPECT_LE(ports.count, 120) << type.name
                                << " has more than QEMU's bus takes: instances/qemu/qemu_machine.h";
    std::set<std::uint16_t> seen;
    for (const NetworkCard& card : network_cards_of(type))
      for (std::int32_t device_index = 0; device_index < card.max_interfaces; ++device_index) {
        const auto port = ports.port(card.index, device_index);
        ASSERT_TRUE(port) << type.name << " " << card.index << " " << device_index;
        EXPECT_TRUE(seen.insert(*port).second) << type.name << " " << card.index << " " << device_index;
      }
  }
}

}  // namespace
}  // namespace enid::vpc
