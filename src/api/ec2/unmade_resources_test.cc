#include "api/ec2/handler_story.h"

namespace enid::api::ec2 {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class UnmadeResources : public HandlerStory {};

TEST_F(UnmadeResources, are_empty_lists_and_unknown_ids) {
  EXPECT_THAT(call<operations::DescribeInternetGateways>({})->internet_gateways, IsEmpty());
  EXPECT_EQ(
      code_of<operations::DescribeInternetGateways>({.internet_gateway_ids = {"igw-0123456789abcdef0"}}),
      "InvalidInternetGatewayID.NotFound");
  EXPECT_THAT(call<operations::DescribeNatGateways>({})->nat_gateways, IsEmpty());
  EXPECT_EQ(code_of<operations::DescribeNatGateways>({.nat_gateway_ids = {"nat-0123456789abcdef0"}}),
            "NatGatewayNotFound");
  EXPECT_THAT(call<operations::DescribeAddresses>({})->addresses, IsEmpty());
  EXPECT_EQ(code_of<operations::DescribeAddresses>({.public_ips = {"198.51.100.1"}}),
            "InvalidAddress.NotFound");
  EXPECT_EQ(code_of<operations::DescribeAddresses>({.allocation_ids = {"eipalloc-0123456789abcdef0"}}),
            "InvalidAllocationID.NotFound");
  EXPECT_EQ(
      code_of<operations::DescribeLaunchTemplateVersions>({.launch_template_id = "lt-0123456789abcdef0"}),
      "InvalidLaunchTemplateId.NotFound");
  EXPECT_EQ(code_of<operations::DescribeVpcEndpoints>({.filters = {filter("lemon", {"1"})}}),
            "InvalidParameterValue");
}

TEST_F(UnmadeResources, have_no_classic_links) {
  const auto result = call<operations::DescribeVpcClassicLink>({});
  ASSERT_THAT(result->vpcs, SizeIs(1));
  EXPECT_EQ(result->vpcs[0].classic_link_enabled, false);
}

class InstanceBelongings : public HandlerStory {
 protected:
  std::string make_instance(const std::string& type, control::InstanceState state) {
    std::string made;
    change([&](control::Transaction& transaction) {
      control::InstanceRecord instance;
      instance.id = transaction.make_id<InstanceId>();
      instance.instance_type = type;
      instance.root_volume = transaction.make_id<VolumeId>();
      instance.state = state;
      instance.launch_time = transaction.now();
      instance.iam_instance_profile = "arn:aws:iam::123456789012:instance-profile/role";
      made = instance.id.text();
      transaction.put(instance);
    });
    return made;
  }
};

TEST_F(InstanceBelongings, include_a_volume_as_long_as_the_instance_lives) {
  const std::string running = make_instance("m5.large", control::InstanceState::kRunning);
  make_instance("m5.large", control::InstanceState::kTerminated);
  const auto all = call<operations::DescribeVolumes>({});
  ASSERT_THAT(all->volumes, SizeIs(1));
  EXPECT_EQ(all->volumes[0].attachments[0].instance_id, running);
  EXPECT_EQ(all->volumes[0].state, "in-use");
  EXPECT_THAT(call<operations::DescribeVolumes>({.volume_ids = {*all->volumes[0].volume_id}})->volumes,
              SizeIs(1));
  EXPECT_THAT(
      call<operations::DescribeVolumes>({.filters = {filter("attachment.instance-id", {running})}})->volumes,
      SizeIs(1));
  EXPECT_EQ(message_of<operations::DescribeVolumes>({.volume_ids = {"vol-0123456789abcdef0"}}),
            "The volume 'vol-0123456789abcdef0' does not exist.");
}

TEST_F(InstanceBelongings, are_tagged_at_launch) {
  RunInstancesRequest request;
  request.image_id = "ami-0123456789abcdef0";
  request.min_count = request.max_count = 1;
  request.tag_specifications.push_back(
      {.resource_type = "volume", .tags = {Tag{.key = "Name", .value = "root"}}});
  const auto run = call<operations::RunInstances>(request);
  ASSERT_TRUE(run) << run.error().message;
  const auto volumes = call<operations::DescribeVolumes>({.filters = {filter("tag:Name", {"root"})}});
  ASSERT_THAT(volumes->volumes, SizeIs(1));
  EXPECT_EQ(volumes->volumes[0].attachments[0].instance_id, run->instances.at(0).instance_id);
}

TEST_F(InstanceBelongings, include_credits_of_burstable_types) {
  const std::string t2 = make_instance("t2.micro", control::InstanceState::kRunning);
  const std::string t3 = make_instance("t3.micro", control::InstanceState::kRunning);
  const std::string m5 = make_instance("m5.large", control::InstanceState::kRunning);
  const auto unlimited = call<operations::DescribeInstanceCreditSpecifications>({});
  ASSERT_THAT(unlimited->instance_credit_specifications, SizeIs(1));
  EXPECT_EQ(unlimited->instance_credit_specifications[0].instance_id, t3);
  const auto asked = call<operations::DescribeInstanceCreditSpecifications>({.instance_ids = {t2}});
  ASSERT_THAT(asked->instance_credit_specifications, SizeIs(1));
  EXPECT_EQ(asked->instance_credit_specifications[0].cpu_credits, "standard");
  EXPECT_EQ(code_of<operations::DescribeInstanceCreditSpecifications>({.instance_ids = {m5}}),
            "UnsupportedOperation");
}

TEST_F(InstanceBelongings, include_an_instance_profile) {
  const std::string id = make_instance("m5.large", control::InstanceState::kRunning);
  const auto result =
      call<operations::DescribeIamInstanceProfileAssociations>({.filters = {filter("instance-id", {id})}});
  ASSERT_THAT(result->iam_instance_profile_associations, SizeIs(1));
  const auto association = *result->iam_instance_profile_associations[0].association_id;
  EXPECT_EQ(code_of<operations::DescribeIamInstanceProfileAssociations>({.association_ids = {association}}),
            "");
  EXPECT_EQ(code_of<operations::DescribeIamInstanceProfileAssociations>(
                {.association_ids = {"iip-assoc-0123456789abcdef0"}}),
            "InvalidAssociationID.NotFound");
}

}  // namespace
}  // namespace enid::api::ec2
