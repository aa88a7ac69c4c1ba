#include "control/operations/placement.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "vpc/ec2_error.h"
#include "vpc/instance_types.h"
#include "vpc/placement.h"

namespace enid::control {

using vpc::ec2_failure;
using vpc::PlacementStrategy;

namespace {

struct Group {
  PlacementStrategy strategy = PlacementStrategy::kNone;
  std::vector<const InstanceRecord*> members;
};

Group group_of(const RegionModel& region, const InstanceRecord& instance) {
  const PlacementGroupRecord* record =
      instance.placement_group.empty() ? nullptr : region.placement_group_named(instance.placement_group);
  if (record == nullptr) return {};
  return {.strategy = vpc::parse_placement_strategy(record->strategy).value_or(PlacementStrategy::kNone),
          .members = members_of(region, record->name)};
}

bool supports(const vpc::InstanceType& type, std::string_view strategy) {
  return fmt::format("+{}+", type.placement_strategies).contains(fmt::format("+{}+", strategy));
}

std::unexpected<Error> no_capacity(const InstanceRecord& instance) {
  // Documented: EC2 API Reference, "Error codes": InsufficientCapacityOnHost: "There is not enough capacity
  // on the Dedicated Host to launch or start the instance."
  if (!instance.requested_host.empty())
    return ec2_failure("InsufficientCapacityOnHost",
                       "There is not enough capacity on the Dedicated Host to launch or start the instance.");
  // Observed: code, text and status 500 (github.com/nib-health-funds/hammertime/issues/29).
  if (instance.state == InstanceState::kStopped)
    return ec2_failure("InsufficientInstanceCapacity", "Insufficient capacity.");
  // Observed: code, text and status 500 (github.com/hashicorp/terraform-provider-aws/issues/1496); its last
  // sentence, which names zones with capacity, is left out.
  return ec2_failure(
      "InsufficientInstanceCapacity",
      fmt::format("We currently do not have sufficient {} capacity in the Availability Zone you requested "
                  "({}). Our system will be working on provisioning additional capacity.",
                  instance.instance_type, instance.availability_zone));
}

void choose_partition(const RegionModel& region, const Group& group, InstanceRecord& instance) {
  if (group.strategy != PlacementStrategy::kPartition || instance.partition_number != 0) return;
  const std::int32_t count = region.placement_group_named(instance.placement_group)->partition_count;
  std::vector<std::int32_t> members(static_cast<std::size_t>(count));
  for (const InstanceRecord* member : group.members)
    if (member->partition_number >= 1 && member->partition_number <= count)
      ++members[static_cast<std::size_t>(member->partition_number - 1)];
  instance.partition_number = vpc::choose_partition(members);
}

vpc::HostOffer offer_of(const Host& host, const InstanceRecord& instance, const Group& group) {
  const NetworkCardSettings& cards = host.network_cards.settings();
  const HostId& id = host.description.id;
  vpc::HostOffer offer;
  offer.usable = host.connected && host.serves_zone(instance.availability_zone) &&
                 (instance.requested_host.empty() || instance.requested_host == id);
  offer.preferred = instance.disk_host == id;
  offer.virtual_functions = std::int64_t{cards.network_cards} * cards.virtual_functions_per_card;
  offer.in_use = offer.virtual_functions - host.network_cards.free();
  for (const InstanceRecord* member : group.members) {
    if (member->host != id) continue;
    ++offer.members;
    if (member->partition_number == instance.partition_number) ++offer.partition_members;
  }
  return offer;
}

}  // namespace

std::vector<const InstanceRecord*> members_of(const RegionModel& region, const std::string& placement_group) {
  std::vector<const InstanceRecord*> members;
  for (const auto& [id, instance] : region.table<InstanceRecord>())
    if (instance.placement_group == placement_group && !instance.host.empty()) members.push_back(&instance);
  return members;
}

Result<void> check_placement(const Transaction& transaction, const InstanceRecord& instance) {
  if (!instance.requested_host.empty() &&
      transaction.region().hosts().find(instance.requested_host) == nullptr)
    return ec2_failure("InvalidHostID.NotFound", fmt::format("The specified host ID '{}' does not exist",
                                                             instance.requested_host.text()));
  if (instance.placement_group.empty()) {
    if (instance.partition_number == 0) return {};
    return ec2_failure("InvalidParameterCombination",
                       "A partition number can be given only with a partition placement group.");
  }
  const PlacementGroupRecord* group = transaction.region().placement_group_named(instance.placement_group);
  if (group == nullptr)
    return ec2_failure("InvalidPlacementGroup.Unknown",
                       fmt::format("The Placement Group '{}' is unknown.", instance.placement_group));
  const vpc::InstanceType* type = vpc::find_instance_type(instance.instance_type);
  // Observed: the code and the first sentence, in reports of Terraform's users; Chosen: capital letters.
  if (type != nullptr && !supports(*type, group->strategy))
    return ec2_failure(
        "InvalidParameterCombination",
        fmt::format("{} placement groups are not supported by the '{}' instance type. Specify a "
                    "supported instance type or change the placement group strategy, and try again.",
                    group->strategy, instance.instance_type));
  if (instance.partition_number == 0) return {};
  if (group->strategy != "partition")
    return ec2_failure("InvalidParameterCombination",
                       "A partition number can be given only with a partition placement group.");
  if (instance.partition_number < 0 || instance.partition_number > group->partition_count)
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("The partition number {} is not one of the {} of the placement group '{}'.",
                    instance.partition_number, group->partition_count, group->name));
  return {};
}

Result<void> place_instance(Transaction& transaction, InstanceRecord& instance, std::size_t interfaces) {
  const RegionModel& region = transaction.region();
  const Group group = group_of(region, instance);
  choose_partition(region, group, instance);
  vpc::PlacementRequest request{.interfaces = static_cast<std::int64_t>(interfaces),
                                .strategy = group.strategy};
  for (const InstanceRecord* member : group.members)
    if (member->availability_zone == instance.availability_zone) ++request.members_in_zone;
  std::vector<HostId> ids;
  std::vector<vpc::HostOffer> offers;
  for (const auto& [id, host] : region.hosts().all()) {
    ids.push_back(id);
    offers.push_back(offer_of(host, instance, group));
  }
  const std::optional<std::size_t> chosen = vpc::choose_host(offers, request);
  if (!chosen) return no_capacity(instance);
  instance.host = ids[*chosen];
  if (instance.disk_host == instance.host) return {};
  if (!instance.disk_host.empty())
    transaction.act(
        {.kind = RuntimeActionKind::kDiscard, .instance = instance.id, .host = instance.disk_host});
  instance.disk_host = instance.host;
  instance.booted = false;
  return {};
}

void assign_host(Transaction& transaction, const HostId& host) {
  std::vector<InstanceRecord> without;
  for (const auto& [id, instance] : transaction.table<InstanceRecord>()) {
    const bool ran = instance.booted || instance.state != InstanceState::kStopped;
    if (instance.state != InstanceState::kTerminated && instance.disk_host.empty() && ran)
      without.push_back(instance);
  }
  for (InstanceRecord& instance : without) {
    instance.disk_host = host;
    if (instance.state != InstanceState::kStopped) instance.host = host;
    transaction.put(std::move(instance));
  }
}

}  // namespace enid::control
