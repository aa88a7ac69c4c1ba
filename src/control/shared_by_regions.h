// SharedByRegions: what is one for all Regions of a control plane.
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "control/hosts.h"

namespace enid::control {

// A VPC's number between hosts has 24 bits, and zero is no number.
// Documented: RFC 8926 (Geneve), section 3.4, "Virtual Network Identifier (VNI)": 24 bits.
inline constexpr std::int32_t kVniMax = (1 << 24) - 1;

struct SharedByRegions {
  Hosts hosts;
  std::set<std::int32_t> vnis;  // Of all VPCs; see VpcRecord::vni.

  static std::shared_ptr<SharedByRegions> with_local_host() {
    return std::make_shared<SharedByRegions>(SharedByRegions{.hosts = Hosts::with_local_host(), .vnis = {}});
  }
};

}  // namespace enid::control
