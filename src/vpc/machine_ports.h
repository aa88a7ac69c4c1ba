// Where a virtual machine's interfaces are on its PCI bus: a port for each network card and device index.
//
// Theory of operation
//   A machine's ports are numbered. A type with one network card has port N for device index N; with several,
//   each card has as many ports as the largest of them may have interfaces, one card's after the other's. So
//   an interface's port follows from the type and its two indexes, whatever else is attached.
//   What a port is in PCI terms is instances/qemu's to say.
//
// Chosen: a machine with one card has at least 15 ports, so that small types can leave gaps between device
// indexes, as EC2 lets them.
#pragma once

#include <cstdint>
#include <optional>

#include "vpc/instance_types.h"

namespace enid::vpc {

struct MachinePorts {
  std::uint16_t count = 15;
  std::uint16_t per_card = 15;

  // Empty: the machine has no such place.
  std::optional<std::uint16_t> port(std::int32_t network_card_index, std::int32_t device_index) const;
};

MachinePorts machine_ports(const InstanceType& type);

}  // namespace enid::vpc
