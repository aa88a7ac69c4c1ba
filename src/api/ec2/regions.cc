// Regions and Availability Zones.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "vpc/ec2_error.h"
#include "vpc/regions.h"

namespace enid::api::ec2 {
namespace {

using vpc::ec2_failure;

bool names(const std::vector<std::string>& wanted, std::string_view name) {
  return wanted.empty() || std::ranges::find(wanted, name) != wanted.end();
}

// Chosen: every Region is enabled: nobody has to opt in to try one.
std::string_view opt_in_status(const vpc::Region& region) {
  return region.opt_in ? "opted-in" : "opt-in-not-required";
}

Result<DescribeRegionsResult> describe_regions(CallContext&, const DescribeRegionsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeRegions", request.filters));
  for (const std::string& name : request.region_names)
    if (vpc::find_region(name) == nullptr)
      return ec2_failure("InvalidParameterValue",
                         fmt::format("Invalid region name '{}' (Please check your region name)", name));
  DescribeRegionsResult result;
  for (const vpc::Region& region : vpc::regions()) {
    const std::string endpoint = fmt::format("ec2.{}.amazonaws.com", region.name);
    const auto values = [&](std::string_view name, FilterValues& to) {
      if (name == "endpoint") to.add(endpoint);
      if (name == "opt-in-status") to.add(opt_in_status(region));
      if (name == "region-name") to.add(region.name);
    };
    if (!names(request.region_names, region.name) || !filters.match(values)) continue;
    Region& shape = result.regions.emplace_back();
    shape.region_name = region.name;
    shape.endpoint = endpoint;
    shape.opt_in_status = opt_in_status(region);
  }
  return result;
}

Result<DescribeAvailabilityZonesResult> describe_availability_zones(
    CallContext& context, const DescribeAvailabilityZonesRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribeAvailabilityZones", request.filters));
  const vpc::Region& region = *vpc::find_region(context.region);
  for (const std::string& name : request.zone_names)
    if (vpc::find_availability_zone(region, name) == nullptr)
      return ec2_failure("InvalidParameterValue", fmt::format("Invalid availability zone: [{}]", name));
  for (const std::string& id : request.zone_ids)
    if (std::ranges::find(region.availability_zones, id, &vpc::AvailabilityZone::id) ==
        region.availability_zones.end())
      return ec2_failure("InvalidParameterValue", fmt::format("Invalid availability zone-id: [{}]", id));
  const std::string group = fmt::format("{}-zg-1", region.name);
  DescribeAvailabilityZonesResult result;
  for (const vpc::AvailabilityZone& zone : region.availability_zones) {
    const auto values = [&](std::string_view name, FilterValues& to) {
      if (name == "group-name") to.add(group);
      if (name == "opt-in-status") to.add("opt-in-not-required");
      if (name == "region-name") to.add(region.name);
      if (name == "state") to.add("available");
      if (name == "zone-id") to.add(zone.id);
      if (name == "zone-name") to.add(zone.name);
      if (name == "zone-type") to.add("availability-zone");
    };
    if (!names(request.zone_names, zone.name) || !names(request.zone_ids, zone.id) || !filters.match(values))
      continue;
    AvailabilityZone& shape = result.availability_zones.emplace_back();
    shape.region_name = region.name;
    shape.zone_name = zone.name;
    shape.zone_id = zone.id;
    shape.zone_type = "availability-zone";
    shape.group_name = group;
    shape.network_border_group = region.name;
    shape.opt_in_status = "opt-in-not-required";
    shape.state = "available";
  }
  return result;
}

}  // namespace

void add_region_operations(OperationTable& table) {
  table.add<operations::DescribeRegions>(describe_regions, OperationKind::kRead);
  table.add<operations::DescribeAvailabilityZones>(describe_availability_zones, OperationKind::kRead);
}

}  // namespace enid::api::ec2
