// FlowDecision: what all stages together decided about one direction of one flow.
//
//   A small plain value: enough to carry a packet on without asking any stage again, by this
//   program or, later, by an offload (a tc program, a NIC).
#pragma once

#include <array>
#include <cstdint>

#include "flow/connection_table.h"

namespace enid::card {

struct FlowDecision {
  std::uint32_t target = 0;                // Handle of the receiving interface.
  flow::ConnectionRef egress_connection;   // The sender's; null when the flow is not tracked there.
  flow::ConnectionRef ingress_connection;  // The receiver's.
  std::array<std::uint8_t, 12> macs{};     // Destination and source, as they leave.
  std::uint16_t mtu = 0;                   // A longer packet must walk.
  bool decrement_time_to_live = false;     // The packet crosses the router.
};

}  // namespace enid::card
