// Regions of the `aws` partition and their Availability Zones.
//
// Documented: EC2 User Guide, "Regions and Zones": names, opt-in status, zone ids. Chosen: zone
// names map to zone ids in order; in AWS the mapping differs from account to account.
#pragma once

#include <span>
#include <string_view>

namespace enid::vpc {

struct AvailabilityZone {
  std::string_view name;  // "us-east-1a"
  std::string_view id;    // "use1-az1"
};

struct Region {
  std::string_view name;
  std::string_view geography;  // "US East (N. Virginia)"
  bool opt_in;                 // False: enabled for every account.
  std::span<const AvailabilityZone> availability_zones;
};

std::span<const Region> regions();  // In order of their names.
const Region* find_region(std::string_view name);
const AvailabilityZone* find_availability_zone(const Region& region, std::string_view name);

}  // namespace enid::vpc
