// CardRules: what an operator may have of EC2's rules that differ by time and place.
#pragma once

namespace enid::apps {

struct CardRules {
  // EC2's 5 Gbit/s for one flow, and 25 with ENA Express; see docs/fidelity/ena-express.md.
  bool single_flow_limits = false;
  // ENA Express also between Availability Zones.
  bool express_across_zones = false;
};

}  // namespace enid::apps
