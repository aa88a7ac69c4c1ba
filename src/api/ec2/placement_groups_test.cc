// Stories of placement groups, and of the host that an instance is on.
#include "api/ec2/handler_story.h"
#include "control/instance_lifecycle.h"
#include "control/operations/tags.h"

namespace enid::api::ec2 {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class PlacementGroups : public HandlerStory {
 protected:
  std::string make(const std::string& name, const std::string& strategy) {
    CreatePlacementGroupRequest request;
    request.group_name = name;
    request.strategy = strategy;
    return code_of<operations::CreatePlacementGroup>(request);
  }
  RunInstancesRequest launch_request() {
    RunInstancesRequest request;
    request.image_id = "ami-0e1d0000000000001";
    request.instance_type = "c5.large";
    request.min_count = request.max_count = 1;
    request.subnet_id = subnet_;
    request.placement = Placement{};
    return request;
  }
  std::string launch(const RunInstancesRequest& request) {
    return *call<operations::RunInstances>(request).value().instances.at(0).instance_id;
  }
  Instance described(const std::string& id) {
    return call<operations::DescribeInstances>({.instance_ids = {id}})
        .value()
        .reservations.at(0)
        .instances.at(0);
  }
  // As the runtime's outcome does it.
  void terminate(const std::string& id) {
    change([&](control::Transaction& transaction) {
      control::record_outcome(
          transaction, {.kind = control::RuntimeActionKind::kRemove, .instance = InstanceId::trusted(id)},
          {});
    });
  }

  const std::string subnet_ = make_subnet(make_vpc(), "10.0.1.0/24");
};

TEST_F(PlacementGroups, are_made_described_and_deleted) {
  CreatePlacementGroupRequest request;
  request.group_name = "near";
  request.strategy = "cluster";
  TagSpecification tags;
  tags.resource_type = "placement-group";
  tags.tags = {Tag{.key = "team", .value = "net"}};
  request.tag_specifications = {tags};
  const auto made = call<operations::CreatePlacementGroup>(request);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->placement_group->state, "available");
  EXPECT_EQ(made->placement_group->group_arn, "arn:aws:ec2:us-east-1:123456789012:placement-group/near");
  EXPECT_EQ(make("near", "spread"), "InvalidPlacementGroup.Duplicate");
  ASSERT_EQ(make("apart", "spread"), "");

  const auto count = [&](DescribePlacementGroupsRequest wanted) {
    return call<operations::DescribePlacementGroups>(wanted).value().placement_groups.size();
  };
  EXPECT_EQ(count({}), 2u);
  EXPECT_EQ(count({.group_names = {"near"}}), 1u);
  EXPECT_EQ(count({.group_ids = {*made->placement_group->group_id}}), 1u);
  EXPECT_EQ(count({.filters = {filter("strategy", {"spread"})}}), 1u);
  EXPECT_EQ(count({.filters = {filter("spread-level", {"rack"})}}), 1u);
  EXPECT_EQ(count({.filters = {filter("tag:team", {"net"})}}), 1u);
  EXPECT_EQ(count({.filters = {filter("state", {"deleted"})}}), 0u);
  EXPECT_EQ(code_of<operations::DescribePlacementGroups>({.group_names = {"far"}}),
            "InvalidPlacementGroup.Unknown");

  EXPECT_EQ(code_of<operations::DeletePlacementGroup>({.group_name = "near"}), "");
  EXPECT_EQ(code_of<operations::DeletePlacementGroup>({.group_name = "near"}),
            "InvalidPlacementGroup.Unknown");
  EXPECT_EQ(count({}), 1u);
}

TEST_F(PlacementGroups, are_refused_when_they_make_no_sense) {
  EXPECT_EQ(make("", "cluster"), "MissingParameter");
  EXPECT_EQ(make(std::string(256, 'n'), "cluster"), "InvalidParameterValue");
  EXPECT_EQ(make("near", "together"), "InvalidParameterValue");
  CreatePlacementGroupRequest request;
  request.group_name = "split";
  request.strategy = "partition";
  request.partition_count = 8;
  EXPECT_EQ(code_of<operations::CreatePlacementGroup>(request), "InvalidParameterValue");
  request.strategy = "cluster";
  request.partition_count = 2;
  EXPECT_EQ(code_of<operations::CreatePlacementGroup>(request), "InvalidParameterCombination");
  request.partition_count.reset();
  request.spread_level = "rack";
  EXPECT_EQ(code_of<operations::CreatePlacementGroup>(request), "InvalidParameterCombination");
}

TEST_F(PlacementGroups, hold_their_instances_until_those_are_terminated) {
  ASSERT_EQ(make("near", "cluster"), "");
  RunInstancesRequest request = launch_request();
  request.placement->group_name = "near";
  const std::string id = launch(request);
  EXPECT_EQ(described(id).placement->group_name, "near");
  EXPECT_THAT(call<operations::DescribeInstances>({.filters = {filter("placement-group-name", {"near"})}})
                  .value()
                  .reservations,
              SizeIs(1));
  EXPECT_EQ(code_of<operations::DeletePlacementGroup>({.group_name = "near"}), "InvalidPlacementGroup.InUse");
  terminate(id);
  EXPECT_EQ(code_of<operations::DeletePlacementGroup>({.group_name = "near"}), "");
}

TEST_F(PlacementGroups, are_named_by_id_too_and_give_partitions) {
  CreatePlacementGroupRequest group;
  group.group_name = "split";
  group.strategy = "partition";
  group.partition_count = 3;
  const auto made = call<operations::CreatePlacementGroup>(group).value();
  EXPECT_EQ(made.placement_group->partition_count, 3);
  RunInstancesRequest request = launch_request();
  request.placement->group_id = made.placement_group->group_id;
  EXPECT_EQ(described(launch(request)).placement->partition_number, 1);
  request.placement->group_name = "split";
  EXPECT_EQ(code_of<operations::RunInstances>(request), "InvalidParameterCombination") << "name and id";
}

TEST_F(PlacementGroups, must_exist_and_suit_the_instance_type) {
  RunInstancesRequest request = launch_request();
  request.placement->group_name = "near";
  EXPECT_EQ(code_of<operations::RunInstances>(request), "InvalidPlacementGroup.Unknown");
  ASSERT_EQ(make("near", "cluster"), "");
  request.instance_type = "t3.micro";
  EXPECT_EQ(code_of<operations::RunInstances>(request), "InvalidParameterCombination");
}

class EnidsOwnTags : public PlacementGroups {};

TEST_F(EnidsOwnTags, are_not_shown_where_there_is_one_host) {
  EXPECT_THAT(described(launch(launch_request())).tags, IsEmpty());
}

TEST_F(EnidsOwnTags, tell_the_host_of_an_instance) {
  shared_->hosts.add({.id = HostId::trusted("host-2")});
  const std::string id = launch(launch_request());
  const auto tags = described(id).tags;
  ASSERT_THAT(tags, SizeIs(1));
  EXPECT_EQ(tags[0].key, "aws:enid:host");
  EXPECT_EQ(tags[0].value, "host-1");
  const auto with_tag = [&](const char* host) {
    return call<operations::DescribeInstances>({.filters = {filter("tag:aws:enid:host", {host})}})
        .value()
        .reservations;
  };
  EXPECT_THAT(with_tag("host-1"), SizeIs(1));
  EXPECT_THAT(with_tag("host-2"), IsEmpty());
  const auto listed = call<operations::DescribeTags>({.filters = {filter("resource-id", {id})}}).value().tags;
  ASSERT_THAT(listed, SizeIs(1));
  EXPECT_EQ(listed[0].value, "host-1");
  terminate(id);
  EXPECT_THAT(described(id).tags, IsEmpty()) << "it is on no host";
}

TEST_F(EnidsOwnTags, are_not_the_callers_to_change) {
  shared_->hosts.add({.id = HostId::trusted("host-2")});
  const std::string id = launch(launch_request());
  EXPECT_EQ(code_of<operations::CreateTags>(
                {.resources = {id}, .tags = {Tag{.key = "aws:enid:host", .value = "host-9"}}}),
            "InvalidParameterValue");
  EXPECT_EQ(code_of<operations::DeleteTags>({.resources = {id}, .tags = {Tag{.key = "Aws:enid:host"}}}),
            "InvalidParameterValue");
  EXPECT_EQ(code_of<operations::DeleteTags>({.resources = {id}}), "") << "all of the caller's own";
  EXPECT_THAT(described(id).tags, SizeIs(1));
}

TEST_F(EnidsOwnTags, name_hosts_that_launches_can_ask_for) {
  RunInstancesRequest request = launch_request();
  request.placement->host_id = "host-1";
  const std::string id = launch(request);
  EXPECT_EQ(described(id).placement->host_id, "host-1");
  EXPECT_THAT(
      call<operations::DescribeInstances>({.filters = {filter("host-id", {"host-1"})}}).value().reservations,
      SizeIs(1));
  request.placement->host_id = "host-9";
  EXPECT_EQ(code_of<operations::RunInstances>(request), "InvalidHostID.NotFound");
}

}  // namespace
}  // namespace enid::api::ec2
