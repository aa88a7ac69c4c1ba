// FlowDecision: what all stages together decided about one direction of one flow.
//
//   A small plain value: enough to carry a packet on without asking any stage again, by this
//   program or, later, by an offload (a tc program, a NIC).
//
//   Tracked connections are refreshed at most once in kRefreshInterval while they are settled (an
//   established TCP connection, a UDP stream): until `refresh_due` a packet need not touch them, and
//   costs two cache lines less.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/time.h"
#include "card/express/eligibility.h"
#include "flow/connection_table.h"

namespace enid::card {

// Chosen: idle timeouts are 30 s and longer; a connection may live this much longer than its own.
constexpr Duration kRefreshInterval = Duration::from_seconds(1);

struct FlowDecision {
  std::uint32_t target = 0;                // Handle of the receiving interface.
  flow::ConnectionRef egress_connection;   // The sender's; null when the flow is not tracked there.
  flow::ConnectionRef ingress_connection;  // The receiver's.
  std::array<std::uint8_t, 12> macs{};     // Destination and source, as they leave.
  std::uint16_t mtu = 0;                   // A longer packet must walk.
  bool decrement_time_to_live = false;     // The packet crosses the router.
  ExpressEligibility express = ExpressEligibility::kSameHost;  // Between hosts: may SRD carry it?

  Instant refresh_due() const { return std::bit_cast<Instant>(refresh_due_halves); }
  void set_refresh_due(Instant due) { refresh_due_halves = std::bit_cast<std::array<std::uint32_t, 2>>(due); }
  // An Instant, without its alignment, so that a flow table's entry fits a cache line.
  std::array<std::uint32_t, 2> refresh_due_halves{};
};

}  // namespace enid::card
