// ControllerOptions: what an emulated ENA device is, as the one who attaches it says.
#pragma once

#include <cstdint>

#include "base/ip_address.h"
#include "devices/ena/limits.h"

namespace enid::devices::ena {

struct ControllerOptions {
  MacAddress mac{};
  std::uint16_t queue_pairs = kQueuePairsMax;  // 1 … kQueuePairsMax.
  std::uint16_t vectors = kVectorsMax;         // At least 2: drivers refuse less.
  std::uint32_t mtu = 9001;                    // What the data path takes until the driver says.
  std::uint32_t mtu_max = kMtuMax;             // Drivers refuse a device that offers less than they have set.
  std::uint32_t link_mbps = 10'000;
  bool low_latency = false;  // Queues in BAR 2.
};

}  // namespace enid::devices::ena
