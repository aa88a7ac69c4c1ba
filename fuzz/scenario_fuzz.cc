// What a person writes for the simulator: no text crashes it, and what is understood can be planned on its
// topology.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/random.h"
#include "sim/scenario.h"
#include "sim/scenario_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace enid;
  const auto scenario = sim::Scenario::parse({reinterpret_cast<const char*>(data), size});
  if (!scenario) return 0;
  const sim::ClosTopology topology(scenario->shape);
  if (topology.ports() > 10'000) return 0;  // Allowed, and slow.
  Random random(1);
  std::uint64_t flows = 0;
  for (const sim::Traffic& traffic : scenario->traffic) flows += traffic.flows;
  if (flows < 100) (void)sim::make_flows(*scenario, topology, scenario->mtu - 68, 0, random);
  for (const sim::Fault& fault : scenario->faults) (void)sim::find_ports(topology, fault.links, fault.line);
  return 0;
}
