// Placement groups: CreatePlacementGroup, DescribePlacementGroups, DeletePlacementGroup.
//
// Documented: EC2 API Reference, the three calls; "Error codes": InvalidPlacementGroup.Duplicate, .InUse,
// .Unknown. What a group does to its instances: vpc/placement.h.
#include <fmt/format.h>

#include <algorithm>

#include "api/ec2/arn.h"
#include "api/ec2/ids.h"
#include "api/ec2/operations.h"
#include "api/filters.h"
#include "api/generated/ec2_types.h"
#include "api/tag_specifications.h"
#include "vpc/ec2_error.h"
#include "vpc/placement.h"

namespace enid::api::ec2 {
namespace {

using control::PlacementGroupRecord;
using vpc::ec2_failure;

constexpr std::size_t kNameLengthMax = 255;  // Documented: CreatePlacementGroup, GroupName.
// Documented: EC2 User Guide, "Create a placement group": two partitions when the number is not given (the
// console's and the API's default).
constexpr std::int32_t kPartitionsDefault = 2;

std::unexpected<Error> unknown(const std::string& name) { return std::unexpected(id_not_found("pg", name)); }

Result<void> check_name(const CallContext& context, const std::optional<std::string>& name) {
  if (!name || name->empty())
    return ec2_failure("MissingParameter", "The request must contain the parameter groupName");
  if (name->size() > kNameLengthMax ||
      !std::ranges::all_of(*name, [](char letter) { return letter >= ' ' && letter <= '~'; }))
    return ec2_failure(
        "InvalidParameterValue",
        fmt::format("Value ({}) for parameter groupName is invalid. It must have 1 to {} ASCII "
                    "characters.",
                    *name, kNameLengthMax));
  if (context.transaction.region().placement_group_named(*name) != nullptr)
    return ec2_failure("InvalidPlacementGroup.Duplicate",
                       fmt::format("The Placement Group '{}' already exists.", *name));
  return {};
}

Result<std::int32_t> partition_count(const CreatePlacementGroupRequest& request,
                                     const std::string& strategy) {
  if (strategy != "partition") {
    if (!request.partition_count) return 0;
    return ec2_failure("InvalidParameterCombination",
                       "The parameter PartitionCount can be used only with the partition strategy.");
  }
  const std::int32_t count = request.partition_count.value_or(kPartitionsDefault);
  if (count >= 1 && count <= vpc::kPartitionsMax) return count;
  return ec2_failure(
      "InvalidParameterValue",
      fmt::format("Value ({}) for parameter PartitionCount is invalid. It must be from 1 to {}.", count,
                  vpc::kPartitionsMax));
}

Result<std::string> spread_level(const CreatePlacementGroupRequest& request, const std::string& strategy) {
  if (strategy != "spread") {
    if (!request.spread_level) return std::string();
    return ec2_failure("InvalidParameterCombination",
                       "The parameter SpreadLevel can be used only with the spread strategy.");
  }
  return request.spread_level.value_or("rack");
}

PlacementGroup describe(const CallContext& context, const PlacementGroupRecord& record) {
  PlacementGroup shape;
  shape.group_name = record.name;
  shape.state = "available";
  shape.strategy = record.strategy;
  if (record.partition_count != 0) shape.partition_count = record.partition_count;
  if (!record.spread_level.empty()) shape.spread_level = record.spread_level;
  shape.group_id = record.id.text();
  shape.group_arn = ec2_arn(context.region, context.account_id, "placement-group", record.name);
  shape.tags = to_tag_list(record.tags);
  return shape;
}

Result<CreatePlacementGroupResult> create_placement_group(CallContext& context,
                                                          const CreatePlacementGroupRequest& request) {
  TRY(check_name(context, request.group_name));
  PlacementGroupRecord record;
  // Documented: Strategy is optional for groups with a LinkedGroupId only; Chosen: without, a cluster, as EC2
  // began.
  record.strategy = request.strategy.value_or("cluster");
  if (!vpc::parse_placement_strategy(record.strategy))
    return ec2_failure("InvalidParameterValue",
                       fmt::format("Value ({}) for parameter strategy is invalid.", record.strategy));
  record.id = context.transaction.make_id<PlacementGroupId>();
  record.name = *request.group_name;
  record.partition_count = TRY(partition_count(request, record.strategy));
  record.spread_level = TRY(spread_level(request, record.strategy));
  record.tags = TRY(tags_for("placement-group", request.tag_specifications));
  CreatePlacementGroupResult result;
  result.placement_group = describe(context, record);
  context.transaction.put(std::move(record));
  return result;
}

Result<operations::DeletePlacementGroup::Result> delete_placement_group(
    CallContext& context, const DeletePlacementGroupRequest& request) {
  const std::string& name = *request.group_name;
  const PlacementGroupRecord* record = context.transaction.region().placement_group_named(name);
  if (record == nullptr) return unknown(name);
  // Documented: "You must terminate all instances in the placement group before you can delete" it.
  for (const auto& [id, instance] : context.transaction.table<control::InstanceRecord>())
    if (instance.placement_group == name && instance.state != control::InstanceState::kTerminated)
      return ec2_failure("InvalidPlacementGroup.InUse",
                         fmt::format("The placement group '{}' is in use and may not be deleted.", name));
  const PlacementGroupId id = record->id;
  context.transaction.erase<PlacementGroupRecord>(id);
  return {};
}

Result<DescribePlacementGroupsResult> describe_placement_groups(
    CallContext& context, const DescribePlacementGroupsRequest& request) {
  const Filters filters = TRY(Filters::parse("DescribePlacementGroups", request.filters));
  DescribePlacementGroupsResult result;
  const auto consider = [&](const PlacementGroupRecord& record) {
    PlacementGroup shape = describe(context, record);
    const auto values = [&](std::string_view name, FilterValues& to) {
      if (name == "group-arn") to.add(shape.group_arn);
      if (name == "group-name") to.add(shape.group_name);
      if (name == "spread-level") to.add(shape.spread_level);
      if (name == "state") to.add(shape.state);
      if (name == "strategy") to.add(shape.strategy);
    };
    if (filters.match(values, record.tags)) result.placement_groups.push_back(std::move(shape));
  };
  for (const std::string& name : request.group_names) {
    const PlacementGroupRecord* record = context.transaction.region().placement_group_named(name);
    if (record == nullptr) return unknown(name);
    consider(*record);
  }
  if (request.group_names.empty() || !request.group_ids.empty())
    TRY(for_each_record<PlacementGroupRecord>(context.transaction, request.group_ids, consider));
  return result;
}

}  // namespace

void add_placement_group_operations(OperationTable& table) {
  table.add<operations::CreatePlacementGroup>(create_placement_group, OperationKind::kChange);
  table.add<operations::DeletePlacementGroup>(delete_placement_group, OperationKind::kChange);
  table.add<operations::DescribePlacementGroups>(describe_placement_groups, OperationKind::kRead);
}

}  // namespace enid::api::ec2
