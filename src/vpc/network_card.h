// The network cards of an instance type, as DescribeInstanceTypes tells of each.
//
//   Most types have one; the largest have up to 32 (p5.48xlarge). An interface is attached to one of them by
//   NetworkCardIndex. Origin: the column `cards` of src/vpc/data/instance-types.csv.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "vpc/instance_types.h"

namespace enid::vpc {

struct NetworkCard {
  std::int32_t index = 0;
  std::int32_t max_interfaces = 0;
  double baseline_gbps = 0;
  double peak_gbps = 0;
  std::string_view interface_types;  // Joined by '+': "interface+efa+efa-only".
  std::int32_t default_ena_queues = 0;
};

std::vector<NetworkCard> network_cards_of(const InstanceType& type);  // In order of their indexes.
std::optional<NetworkCard> network_card(const InstanceType& type, std::int32_t index);

}  // namespace enid::vpc
