// What a packet walks at its sender. Before this list, the parse stage has read its headers and
// the flow cache did not know it.
#include <array>

#include "card/pipelines.h"
#include "card/stages/link_local.h"
#include "card/stages/mtu.h"
#include "card/stages/route.h"
#include "card/stages/security_group.h"
#include "card/stages/source_check.h"

namespace enid::card {

std::span<const Stage> egress_pipeline() {
  static constexpr std::array kStages{
      Stage{"link_local", link_local},  // First: DHCP comes from 0.0.0.0, and no group filters services.
      Stage{"source_check", source_check},
      Stage{"security_group_egress", security_group_egress},
      Stage{"route", route},
      Stage{"mtu", mtu},  // After the egress gate, so that its ICMP error finds a tracked connection.
  };
  return kStages;
}

}  // namespace enid::card
