#include "control/operations/vpcs.h"
#include "api/ec2/handler_story.h"

namespace enid::api::ec2 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Vpcs : public HandlerStory {};

TEST_F(Vpcs, are_born_with_a_route_table_an_acl_and_a_group_and_take_them_along) {
  const auto before = region_.table<control::SecurityGroupRecord>().size();
  const std::string id = make_vpc();
  const auto routes = call<operations::DescribeRouteTables>(
      {.filters = {filter("vpc-id", {id}), filter("association.main", {"true"})}});
  ASSERT_THAT(routes->route_tables, SizeIs(1));
  ASSERT_THAT(routes->route_tables[0].routes, SizeIs(1));
  EXPECT_EQ(routes->route_tables[0].routes[0].destination_cidr_block, "10.0.0.0/16");
  EXPECT_EQ(routes->route_tables[0].routes[0].gateway_id, "local");
  const auto acls = call<operations::DescribeNetworkAcls>(
      {.filters = {filter("vpc-id", {id}), filter("default", {"true"})}});
  ASSERT_THAT(acls->network_acls, SizeIs(1));
  EXPECT_THAT(acls->network_acls[0].entries, SizeIs(4));
  EXPECT_EQ(region_.table<control::SecurityGroupRecord>().size(), before + 1);

  EXPECT_EQ(code_of<operations::DeleteVpc>({.vpc_id = id}), "");
  EXPECT_EQ(code_of<operations::DescribeVpcs>({.vpc_ids = {id}}), "InvalidVpcID.NotFound");
  EXPECT_EQ(region_.table<control::SecurityGroupRecord>().size(), before);
  EXPECT_EQ(region_.table<control::RouteTableRecord>().size(), 1);
  EXPECT_EQ(region_.table<control::NetworkAclRecord>().size(), 1);
}

TEST_F(Vpcs, have_cidr_blocks_of_16_to_28_bits_written_as_ec2_writes_them) {
  struct Row {
    const char* block;
    const char* code;
  };
  for (const auto& [block, code] : {
           Row{"10.0.0.0/15", "InvalidVpc.Range"},
           Row{"10.0.0.0/29", "InvalidVpc.Range"},
           Row{"127.0.0.0/16", "InvalidVpc.Range"},
           Row{"169.254.0.0/16", "InvalidVpc.Range"},
           Row{"10.0.0.0", "InvalidParameterValue"},
           Row{"10.0.0.256/24", "InvalidParameterValue"},
           Row{"", "InvalidParameterValue"},
           Row{"10.0.0.0/16", ""},
           Row{"10.0.0.0/28", ""},
       })
    EXPECT_EQ(code_of<operations::CreateVpc>({.cidr_block = block}), code) << block;
  EXPECT_EQ(code_of<operations::CreateVpc>({}), "MissingParameter");
  EXPECT_EQ(call<operations::CreateVpc>({.cidr_block = "100.68.0.18/18"})->vpc->cidr_block, "100.68.0.0/18");
}

TEST_F(Vpcs, are_pending_in_the_answer_and_available_afterwards) {
  const auto made = call<operations::CreateVpc>({.cidr_block = "10.0.0.0/16"});
  EXPECT_EQ(made->vpc->state, "pending");
  EXPECT_EQ(made->vpc->is_default, false);
  const auto described = call<operations::DescribeVpcs>({.vpc_ids = {*made->vpc->vpc_id}});
  ASSERT_THAT(described->vpcs, SizeIs(1));
  EXPECT_EQ(described->vpcs[0].state, "available");
  EXPECT_EQ(described->vpcs[0].owner_id, "123456789012");
}

TEST_F(Vpcs, are_at_most_a_hundred_in_a_region) {
  for (int i = 0; i < 99; ++i) make_vpc();
  EXPECT_EQ(code_of<operations::CreateVpc>({.cidr_block = "10.0.0.0/16"}), "VpcLimitExceeded");
}

TEST_F(Vpcs, are_held_by_subnets_and_groups) {
  const std::string id = make_vpc();
  const std::string subnet = make_subnet(id, "10.0.0.0/24");
  EXPECT_EQ(message_of<operations::DeleteVpc>({.vpc_id = id}),
            "The vpc '" + id + "' has dependencies and cannot be deleted.");
  ASSERT_EQ(code_of<operations::DeleteSubnet>({.subnet_id = subnet}), "");
  control::SecurityGroupRecord group;
  change([&](control::Transaction& transaction) {
    group.id = transaction.make_id<SecurityGroupId>();
    group.vpc = VpcId::trusted(id);
    group.name = "web";
    transaction.put(group);
  });
  EXPECT_EQ(code_of<operations::DeleteVpc>({.vpc_id = id}), "DependencyViolation");
  change(
      [&](control::Transaction& transaction) { transaction.erase<control::SecurityGroupRecord>(group.id); });
  EXPECT_EQ(code_of<operations::DeleteVpc>({.vpc_id = id}), "");
  EXPECT_EQ(code_of<operations::DeleteVpc>({.vpc_id = id}), "InvalidVpcID.NotFound");
  EXPECT_EQ(message_of<operations::DeleteVpc>({.vpc_id = "vpc-x"}), "The vpc ID 'vpc-x' does not exist");
}

TEST_F(Vpcs, are_found_by_filters) {
  const std::string id = make_vpc("10.1.0.0/16");
  const std::string by_default = control::default_vpc(region_)->id.text();
  struct Row {
    Filter wanted;
    std::string found;
  };
  for (const auto& [wanted, found] : {
           Row{filter("cidr", {"10.1.0.0/16"}), id},
           Row{filter("cidr", {"10.1.*"}), id},
           Row{filter("is-default", {"true"}), by_default},
           Row{filter("is-default", {"false"}), id},
           Row{filter("isDefault", {"true"}), by_default},
           Row{filter("vpc-id", {id, "vpc-other"}), id},
           Row{filter("cidr-block-association.cidr-block", {"172.31.0.0/16"}), by_default},
           Row{filter("state", {"pending"}), ""},
       }) {
    const auto result = call<operations::DescribeVpcs>({.filters = {wanted}});
    ASSERT_TRUE(result);
    if (found.empty()) {
      EXPECT_THAT(result->vpcs, IsEmpty()) << *wanted.name;
    } else {
      ASSERT_THAT(result->vpcs, SizeIs(1)) << *wanted.name;
      EXPECT_EQ(result->vpcs[0].vpc_id, found) << *wanted.name;
    }
  }
  EXPECT_EQ(code_of<operations::DescribeVpcs>({.filters = {filter("colour", {"red"})}}),
            "InvalidParameterValue");
}

TEST_F(Vpcs, come_in_pages) {
  for (int i = 0; i < 3; ++i) make_vpc();
  const auto first = call<operations::DescribeVpcs>({.max_results = 3});
  ASSERT_THAT(first->vpcs, SizeIs(3));
  ASSERT_TRUE(first->next_token);
  const auto second = call<operations::DescribeVpcs>({.next_token = first->next_token, .max_results = 3});
  EXPECT_THAT(second->vpcs, SizeIs(1));
  EXPECT_FALSE(second->next_token);
}

TEST_F(Vpcs, change_one_attribute_at_a_time) {
  const std::string id = make_vpc();
  const AttributeBooleanValue on{.value = true};
  const auto value = [&] {
    return call<operations::DescribeVpcAttribute>({.attribute = "enableDnsHostnames", .vpc_id = id})
        ->enable_dns_hostnames->value;
  };
  EXPECT_EQ(value(), false);
  EXPECT_EQ(code_of<operations::ModifyVpcAttribute>({.enable_dns_hostnames = on, .vpc_id = id}), "");
  EXPECT_EQ(value(), true);
  EXPECT_EQ(code_of<operations::ModifyVpcAttribute>(
                {.enable_dns_hostnames = on, .enable_dns_support = on, .vpc_id = id}),
            "InvalidParameterCombination");
  EXPECT_EQ(code_of<operations::ModifyVpcAttribute>({.vpc_id = id}), "InvalidParameterCombination");
}

TEST_F(Vpcs, gain_and_lose_cidr_blocks) {
  const std::string id = make_vpc();
  const auto associate = [&](const char* block) {
    return code_of<operations::AssociateVpcCidrBlock>({.cidr_block = block, .vpc_id = id});
  };
  EXPECT_EQ(associate("10.0.128.0/17"), "InvalidVpc.Range");
  const auto added = call<operations::AssociateVpcCidrBlock>({.cidr_block = "10.1.0.0/16", .vpc_id = id});
  ASSERT_TRUE(added);
  EXPECT_EQ(added->cidr_block_association->cidr_block_state->state, "associating");
  const std::string association = *added->cidr_block_association->association_id;
  const std::string subnet = make_subnet(id, "10.1.2.0/24");
  EXPECT_EQ(code_of<operations::DisassociateVpcCidrBlock>({.association_id = association}),
            "DependencyViolation");
  ASSERT_EQ(code_of<operations::DeleteSubnet>({.subnet_id = subnet}), "");
  EXPECT_EQ(call<operations::DisassociateVpcCidrBlock>({.association_id = association})
                ->cidr_block_association->cidr_block_state->state,
            "disassociating");
  EXPECT_EQ(code_of<operations::DisassociateVpcCidrBlock>({.association_id = association}),
            "InvalidVpcCidrBlockAssociationID.NotFound");
  for (const char* block : {"10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16"})
    EXPECT_EQ(associate(block), "");
  EXPECT_EQ(associate("10.5.0.0/16"), "CidrLimitExceeded");
  const auto described = call<operations::DescribeVpcs>({.vpc_ids = {id}});
  EXPECT_EQ(code_of<operations::DisassociateVpcCidrBlock>(
                {.association_id = described->vpcs[0].cidr_block_association_set[0].association_id}),
            "OperationNotPermitted");
}

TEST_F(Vpcs, have_one_default_which_can_be_made_again) {
  EXPECT_EQ(code_of<operations::CreateDefaultVpc>({}), "DefaultVpcAlreadyExists");
  const std::string id = control::default_vpc(region_)->id.text();
  const auto subnets = call<operations::DescribeSubnets>({.filters = {filter("vpc-id", {id})}});
  for (const Subnet& subnet : subnets->subnets)
    ASSERT_EQ(code_of<operations::DeleteSubnet>({.subnet_id = subnet.subnet_id}), "");
  ASSERT_EQ(code_of<operations::DeleteVpc>({.vpc_id = id}), "");
  const auto made = call<operations::CreateDefaultVpc>({});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->vpc->is_default, true);
  EXPECT_EQ(made->vpc->cidr_block, "172.31.0.0/16");
  EXPECT_THAT(call<operations::DescribeSubnets>({})->subnets, SizeIs(subnets->subnets.size()));
}

TEST_F(Vpcs, share_the_dhcp_options_they_are_born_with) {
  const auto options = call<operations::DescribeDhcpOptions>({.filters = {filter("key", {"domain-name"})}});
  ASSERT_THAT(options->dhcp_options, SizeIs(1));
  EXPECT_EQ(options->dhcp_options[0].dhcp_configurations[0].values[0].value, "ec2.internal");
  EXPECT_EQ(code_of<operations::DescribeDhcpOptions>({.dhcp_options_ids = {"dopt-x"}}),
            "InvalidDhcpOptionsId.Malformed");
}

}  // namespace
}  // namespace enid::api::ec2
