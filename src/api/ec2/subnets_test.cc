#include "api/ec2/handler_story.h"
#include "control/operations/network_interfaces.h"
#include "control/operations/vpcs.h"

namespace enid::api::ec2 {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Subnets : public HandlerStory {
 protected:
  static CreateSubnetRequest subnet(const std::string& vpc, const std::string& block) {
    CreateSubnetRequest request;
    request.cidr_block = block;
    request.vpc_id = vpc;
    return request;
  }
};

TEST_F(Subnets, lie_in_their_vpc_and_do_not_overlap) {
  const std::string vpc = make_vpc();
  struct Row {
    const char* block;
    const char* code;
  };
  for (const auto& [block, code] : {
           Row{"10.0.1.0/24", ""},
           Row{"10.0.1.0/24", "InvalidSubnet.Conflict"},
           Row{"10.0.1.128/25", "InvalidSubnet.Conflict"},
           Row{"10.0.0.0/16", "InvalidSubnet.Conflict"},
           Row{"10.1.0.0/24", "InvalidSubnet.Range"},
           Row{"10.0.2.0/29", "InvalidSubnet.Range"},
           Row{"10.0.0.0/15", "InvalidSubnet.Range"},
           Row{"10.0.2.0/28", ""},
           Row{"10.0.2.16", "InvalidParameterValue"},
       })
    EXPECT_EQ(code_of<operations::CreateSubnet>(subnet(vpc, block)), code) << block;
  EXPECT_EQ(message_of<operations::CreateSubnet>(subnet(vpc, "10.0.1.0/24")),
            "The CIDR '10.0.1.0/24' conflicts with another subnet");
  EXPECT_EQ(code_of<operations::CreateSubnet>(subnet("vpc-0123456789abcdef0", "10.0.3.0/24")),
            "InvalidVpcID.NotFound");
  EXPECT_EQ(call<operations::CreateSubnet>(subnet(vpc, "10.0.9.77/24"))->subnet->cidr_block, "10.0.9.0/24");
}

TEST_F(Subnets, are_in_the_zone_they_name_or_the_first_one) {
  const std::string vpc = make_vpc();
  EXPECT_EQ(call<operations::CreateSubnet>(subnet(vpc, "10.0.0.0/24"))->subnet->availability_zone,
            "us-east-1a");
  CreateSubnetRequest request = subnet(vpc, "10.0.1.0/24");
  request.availability_zone = "us-east-1b";
  const auto made = call<operations::CreateSubnet>(request);
  EXPECT_EQ(made->subnet->availability_zone, "us-east-1b");
  request = subnet(vpc, "10.0.2.0/24");
  request.availability_zone_id = made->subnet->availability_zone_id;
  EXPECT_EQ(call<operations::CreateSubnet>(request)->subnet->availability_zone, "us-east-1b");
  request = subnet(vpc, "10.0.3.0/24");
  request.availability_zone = "eu-west-1a";
  EXPECT_EQ(code_of<operations::CreateSubnet>(request), "InvalidParameterValue");
  EXPECT_THAT(
      message_of<operations::CreateSubnet>(request),
      HasSubstr("Value (eu-west-1a) for parameter availabilityZone is invalid. Subnets can currently only "
                "be created in the following availability zones: us-east-1a, us-east-1b"));
}

TEST_F(Subnets, count_their_free_addresses_and_are_held_by_interfaces) {
  const std::string vpc = make_vpc();
  const auto made = call<operations::CreateSubnet>(subnet(vpc, "10.0.0.0/28"));
  const std::string id = *made->subnet->subnet_id;
  EXPECT_EQ(made->subnet->available_ip_address_count, 11);
  EXPECT_EQ(made->subnet->state, "available");
  EXPECT_EQ(made->subnet->subnet_arn, "arn:aws:ec2:us-east-1:123456789012:subnet/" + id);
  NetworkInterfaceId interface;
  change([&](control::Transaction& transaction) {
    control::NewNetworkInterface what;
    what.subnet = SubnetId::trusted(id);
    interface = control::create_network_interface(transaction, what).value();
  });
  const auto described =
      call<operations::DescribeSubnets>({.filters = {filter("available-ip-address-count", {"10"})}});
  ASSERT_THAT(described->subnets, SizeIs(1));
  EXPECT_EQ(described->subnets[0].subnet_id, id);
  EXPECT_EQ(message_of<operations::DeleteSubnet>({.subnet_id = id}),
            "The subnet '" + id + "' has dependencies and cannot be deleted.");
  change([&](control::Transaction& transaction) {
    ASSERT_TRUE(control::delete_network_interface(transaction, interface));
  });
  EXPECT_EQ(code_of<operations::DeleteSubnet>({.subnet_id = id}), "");
  EXPECT_EQ(code_of<operations::DescribeSubnets>({.subnet_ids = {id}}), "InvalidSubnetID.NotFound");
  EXPECT_EQ(code_of<operations::DeleteSubnet>({.subnet_id = "sn-1"}), "InvalidSubnetID.NotFound");
}

TEST_F(Subnets, are_found_by_older_names_of_filters) {
  const std::string id = make_subnet(make_vpc(), "10.0.0.0/24");
  const auto found = call<operations::DescribeSubnets>(
      {.filters = {filter("cidrBlock", {"10.0.0.0/24"}), filter("defaultForAz", {"false"}),
                   filter("availabilityZone", {"us-east-1?"})}});
  ASSERT_TRUE(found);
  ASSERT_THAT(found->subnets, SizeIs(1));
  EXPECT_EQ(found->subnets[0].subnet_id, id);
}

TEST_F(Subnets, are_associated_with_the_default_acl) {
  const std::string vpc = make_vpc();
  const std::string id = make_subnet(vpc, "10.0.0.0/24");
  const auto acls =
      call<operations::DescribeNetworkAcls>({.filters = {filter("association.subnet-id", {id})}});
  ASSERT_THAT(acls->network_acls, SizeIs(1));
  ASSERT_THAT(acls->network_acls[0].associations, SizeIs(1));
  EXPECT_EQ(acls->network_acls[0].vpc_id, vpc);
}

TEST_F(Subnets, change_one_attribute_at_a_time) {
  const std::string id = make_subnet(make_vpc(), "10.0.0.0/24");
  const AttributeBooleanValue on{.value = true};
  const auto described = [&] {
    return call<operations::DescribeSubnets>({.subnet_ids = {id}})->subnets.at(0);
  };
  EXPECT_EQ(described().map_public_ip_on_launch, false);
  EXPECT_EQ(code_of<operations::ModifySubnetAttribute>({.map_public_ip_on_launch = on, .subnet_id = id}), "");
  EXPECT_EQ(described().map_public_ip_on_launch, true);
  EXPECT_EQ(code_of<operations::ModifySubnetAttribute>(
                {.subnet_id = id, .private_dns_hostname_type_on_launch = "resource-name"}),
            "");
  EXPECT_EQ(described().private_dns_name_options_on_launch->hostname_type, "resource-name");
  EXPECT_EQ(code_of<operations::ModifySubnetAttribute>({.subnet_id = id}), "InvalidParameterCombination");
  EXPECT_EQ(code_of<operations::ModifySubnetAttribute>(
                {.map_public_ip_on_launch = on, .subnet_id = id, .enable_dns64 = on}),
            "InvalidParameterCombination");
  EXPECT_EQ(
      code_of<operations::ModifySubnetAttribute>({.assign_ipv6_address_on_creation = on, .subnet_id = id}),
      "InvalidParameterValue");
}

TEST_F(Subnets, of_the_default_vpc_can_be_made_again) {
  CreateDefaultSubnetRequest request;
  request.availability_zone = "us-east-1b";
  EXPECT_EQ(code_of<operations::CreateDefaultSubnet>(request),
            "DefaultSubnetAlreadyExistsInAvailabilityZone");
  const auto present = call<operations::DescribeSubnets>(
      {.filters = {filter("availability-zone", {"us-east-1b"}), filter("default-for-az", {"true"})}});
  ASSERT_THAT(present->subnets, SizeIs(1));
  ASSERT_EQ(code_of<operations::DeleteSubnet>({.subnet_id = present->subnets[0].subnet_id}), "");
  const auto made = call<operations::CreateDefaultSubnet>(request);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->subnet->cidr_block, present->subnets[0].cidr_block);
  EXPECT_EQ(made->subnet->default_for_az, true);
  EXPECT_EQ(made->subnet->map_public_ip_on_launch, true);
}

TEST_F(Subnets, are_at_most_200_in_a_vpc) {
  const std::string vpc = make_vpc();
  for (int i = 0; i < 200; ++i) make_subnet(vpc, "10.0." + std::to_string(i) + ".0/24");
  EXPECT_EQ(code_of<operations::CreateSubnet>(subnet(vpc, "10.0.201.0/24")), "SubnetLimitExceeded");
}

}  // namespace
}  // namespace enid::api::ec2
