// What a scenario means for its topology: the flows, and the ports that a name of links stands for.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "sim/clos_topology.h"
#include "sim/flow_table.h"
#include "sim/scenario.h"

namespace enid::sim {

// In the order of the scenario. Times are shifted by `begin`. Refuses hosts that do not exist, and too much.
Result<std::vector<Flow>> make_flows(const Scenario& scenario, const ClosTopology& topology,
                                     std::uint32_t payload_bytes, Picoseconds begin, Random& random);

// "leaf0-agg1" is both directions of that link, "leaf0->agg1" one; "*" ends a name that stands for many
// ("agg0-core*", "leaf*->spine3"), "all" is every port. Refuses a name that fits no port.
Result<std::vector<PortIndex>> find_ports(const ClosTopology& topology, std::string_view links,
                                          std::uint32_t line);

}  // namespace enid::sim
