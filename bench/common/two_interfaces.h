// The smallest program a card can carry packets by, and packets for it: two interfaces of one subnet, in
// one security group that admits UDP in both directions.
//
//   Flows are pairs of ports. The order in which they take turns visits each once before any again, and
//   no prefetcher guesses it.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "contract/card_program.h"

namespace enid::bench {

struct Endpoint {
  NetworkInterfaceId id;
  Ipv4Address address;
  MacAddress mac;
};

struct TwoInterfaces {
  static constexpr std::size_t kFrameBytes = 60;  // 64 with the frame check sequence, which no port carries.

  // Of so many rules in each direction only the last admits the packets below.
  std::vector<contract::Entity> program(int rules) const;

  // The packet of each flow, in the flows' order, one every `stride` bytes. Requests go from the client.
  std::vector<std::uint8_t> packets(std::size_t flows, bool are_requests, std::size_t stride) const;

  Endpoint client{NetworkInterfaceId::trusted("eni-client"), {0x0a000105}, {{2, 0, 0, 0, 0, 1}}};
  Endpoint server{NetworkInterfaceId::trusted("eni-server"), {0x0a000106}, {{2, 0, 0, 0, 0, 2}}};
};

// What this thread had of a core: on a shared machine, waiting for one is not the card's cost.
std::chrono::nanoseconds core_time();

double median(std::vector<double> values);

}  // namespace enid::bench
