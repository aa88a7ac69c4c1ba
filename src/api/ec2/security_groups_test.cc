#include "api/ec2/security_group_stories.h"

namespace enid::api::ec2 {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class SecurityGroups : public SecurityGroupStory {
 protected:
  std::vector<std::string> names(const DescribeSecurityGroupsRequest& request) {
    const auto result = call<operations::DescribeSecurityGroups>(request).value();
    std::vector<std::string> found;
    for (const SecurityGroup& one : result.security_groups) found.push_back(*one.group_name);
    return found;
  }
  std::vector<std::string> named_by(const std::string& filter, const std::string& value) {
    DescribeSecurityGroupsRequest request;
    request.filters.push_back(Filter{.name = filter, .values = {value}});
    return names(request);
  }
};

TEST_F(SecurityGroups, a_new_group_lets_everything_out_and_nothing_in) {
  CreateSecurityGroupRequest request{
      .description = "web servers", .group_name = "web", .vpc_id = vpc_.text()};
  request.tag_specifications.push_back(
      TagSpecification{.resource_type = "security-group", .tags = {Tag{.key = "Name", .value = "web"}}});
  const auto made = call<operations::CreateSecurityGroup>(request);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*made->security_group_arn,
            "arn:aws:ec2:us-east-1:123456789012:security-group/" + *made->group_id);
  EXPECT_THAT(made->tags, SizeIs(1));
  EXPECT_THAT(lines(*made->group_id), IsEmpty());
  EXPECT_THAT(lines(*made->group_id, true), ElementsAre("-1 all 0.0.0.0/0"));
  EXPECT_EQ(group(*made->group_id).tags.at("Name"), "web");
}

TEST_F(SecurityGroups, names_that_ec2_refuses_are_refused) {
  make_group("web");
  struct Story {
    std::string name;
    std::string description;
    std::optional<std::string> vpc;
    std::string outcome;
  };
  const std::vector<Story> stories{
      {"web", "d", vpc_.text(), "InvalidGroup.Duplicate"},
      {"WEB", "d", vpc_.text(), "InvalidGroup.Duplicate"},
      {"default", "d", vpc_.text(), "InvalidGroup.Reserved"},
      {"sg-web", "d", vpc_.text(), "InvalidParameterValue"},
      {"caf\xc3\xa9", "d", vpc_.text(), "InvalidParameterValue"},
      {"", "d", vpc_.text(), "MissingParameter"},
      {"other", "", vpc_.text(), "MissingParameter"},
      {"other", "tab\t", vpc_.text(), "InvalidParameterValue"},
      {std::string(256, 'n'), "d", vpc_.text(), "InvalidParameterValue"},
      {"other", "d", "vpc-0123456789abcdef0", "InvalidVpcID.NotFound"},
      {"web", "d", {}, "ok"},  // The default VPC has no such group yet.
      {std::string(255, 'n'), "a-z ._-:/()#,@[]+=&;{}!$*", vpc_.text(), "ok"},
  };
  for (const Story& story : stories) {
    CreateSecurityGroupRequest request{.description = story.description, .group_name = story.name};
    request.vpc_id = story.vpc;
    EXPECT_EQ(outcome(call<operations::CreateSecurityGroup>(request)), story.outcome) << story.name;
  }
}

TEST_F(SecurityGroups, a_group_without_a_vpc_needs_a_default_one) {
  control::Transaction transaction(region_, kAccount, kNow, random_);
  control::VpcRecord vpc = *region_.find<control::VpcRecord>(default_vpc_);
  vpc.is_default = false;
  transaction.put(vpc);
  transaction.commit();
  const CreateSecurityGroupRequest request{.description = "d", .group_name = "web"};
  EXPECT_EQ(outcome(call<operations::CreateSecurityGroup>(request)), "VPCIdNotSpecified");
}

TEST_F(SecurityGroups, two_thousand_five_hundred_are_the_limit) {
  control::Transaction transaction(region_, kAccount, kNow, random_);
  while (region_.table<Group>().size() < 2499) {
    Group group;
    group.id = transaction.make_id<SecurityGroupId>();
    group.vpc = default_vpc_;
    transaction.put(group);
  }
  transaction.commit();
  make_group("last");
  const CreateSecurityGroupRequest request{.description = "d", .group_name = "one-more"};
  EXPECT_EQ(outcome(call<operations::CreateSecurityGroup>(request)), "SecurityGroupLimitExceeded");
}

TEST_F(SecurityGroups, what_others_need_cannot_be_deleted) {
  const std::string used = make_group("used");
  const std::string referred = make_group("referred");
  const std::string referring = make_group("referring");
  const std::string self = make_group("self");
  ASSERT_TRUE(ask(referring, {"tcp 22-22 " + referred}));
  ASSERT_TRUE(ask(self, {"-1 all " + self}));
  {
    control::Transaction transaction(region_, kAccount, kNow, random_);
    control::NetworkInterfaceRecord interface;
    interface.id = transaction.make_id<NetworkInterfaceId>();
    interface.vpc = vpc_;
    interface.groups = {*SecurityGroupId::parse(used)};
    transaction.put(interface);
    transaction.commit();
  }
  const auto remove = [&](const std::string& id) {
    return call<operations::DeleteSecurityGroup>(DeleteSecurityGroupRequest{.group_id = id});
  };
  EXPECT_EQ(outcome(remove(default_group(vpc_))), "CannotDelete");
  EXPECT_EQ(outcome(remove(used)), "DependencyViolation");
  EXPECT_EQ(remove(referred).error().message, "resource " + referred + " has a dependent object");
  EXPECT_EQ(outcome(remove(self)), "ok");
  EXPECT_EQ(outcome(remove(referring)), "ok");
  EXPECT_EQ(outcome(remove(referred)), "ok");
  EXPECT_EQ(outcome(remove(referred)), "InvalidGroup.NotFound");
  EXPECT_EQ(outcome(remove("sg-x")), "InvalidGroupId.Malformed");
  EXPECT_EQ(outcome(call<operations::DeleteSecurityGroup>({})), "MissingParameter");
}

TEST_F(SecurityGroups, only_groups_of_the_default_vpc_have_names_to_call_them_by) {
  make_group("near", default_vpc_);
  make_group("far");
  const auto remove = [&](const std::string& name) {
    return call<operations::DeleteSecurityGroup>(DeleteSecurityGroupRequest{.group_name = name});
  };
  EXPECT_EQ(remove("far").error().message,
            "The security group 'far' does not exist in default VPC '" + default_vpc_.text() + "'");
  EXPECT_EQ(outcome(remove("near")), "ok");
}

TEST_F(SecurityGroups, are_described_by_id_name_and_filter) {
  const std::string web = make_group("web");
  const std::string db = make_group("db");
  make_group("near", default_vpc_);
  ASSERT_TRUE(ask(web, {"tcp 80-443 0.0.0.0/0", "tcp 80-443 ::/0"}));
  ASSERT_TRUE(ask(db, {"tcp 5432-5432 " + web, "udp 53-53 pl-0123456789abcdef0"}));
  ASSERT_TRUE(ask<operations::AuthorizeSecurityGroupEgress>(db, {"icmp 8-0 10.0.0.0/8"}));

  DescribeSecurityGroupsRequest by_id;
  by_id.group_ids = {web, db, web};
  EXPECT_THAT(names(by_id), UnorderedElementsAre("web", "db"));
  DescribeSecurityGroupsRequest by_name;
  by_name.group_names = {"near"};
  EXPECT_THAT(names(by_name), ElementsAre("near"));
  EXPECT_THAT(names({}), SizeIs(5));  // With two default groups.
  by_id.group_ids = {"sg-0123456789abcdef0"};
  EXPECT_EQ(outcome(call<operations::DescribeSecurityGroups>(by_id)), "InvalidGroup.NotFound");

  EXPECT_THAT(named_by("group-name", "w*"), ElementsAre("web"));
  EXPECT_THAT(named_by("group-id", db), ElementsAre("db"));
  EXPECT_THAT(named_by("description", "a group"), SizeIs(3));
  EXPECT_THAT(named_by("owner-id", kAccount), SizeIs(5));
  EXPECT_THAT(named_by("vpc-id", vpc_.text()), UnorderedElementsAre("web", "db", "default"));
  EXPECT_THAT(named_by("ip-permission.cidr", "0.0.0.0/0"), ElementsAre("web"));
  EXPECT_THAT(named_by("ip-permission.ipv6-cidr", "::/0"), ElementsAre("web"));
  EXPECT_THAT(named_by("ip-permission.from-port", "80"), ElementsAre("web"));
  EXPECT_THAT(named_by("ip-permission.to-port", "5432"), ElementsAre("db"));
  EXPECT_THAT(named_by("ip-permission.protocol", "udp"), ElementsAre("db"));
  EXPECT_THAT(named_by("ip-permission.group-id", web), ElementsAre("db"));
  EXPECT_THAT(named_by("ip-permission.group-name", "web"), ElementsAre("db"));
  EXPECT_THAT(named_by("ip-permission.user-id", kAccount), UnorderedElementsAre("db", "default", "default"));
  EXPECT_THAT(named_by("ip-permission.prefix-list-id", "pl-0123456789abcdef0"), ElementsAre("db"));
  EXPECT_THAT(named_by("egress.ip-permission.protocol", "icmp"), ElementsAre("db"));
  EXPECT_THAT(named_by("egress.ip-permission.cidr", "0.0.0.0/0"), SizeIs(5));
  EXPECT_THAT(named_by("tag:Name", "*"), IsEmpty());
  DescribeSecurityGroupsRequest unknown;
  unknown.filters.push_back(Filter{.name = "colour", .values = {"red"}});
  EXPECT_EQ(outcome(call<operations::DescribeSecurityGroups>(unknown)), "InvalidParameterValue");
}

TEST_F(SecurityGroups, come_in_pages_that_join_to_all) {
  for (int i = 0; i < 12; ++i) make_group("group-" + std::to_string(i));
  DescribeSecurityGroupsRequest request;
  request.max_results = 5;
  std::vector<std::string> found;
  do {
    const auto page = call<operations::DescribeSecurityGroups>(request).value();
    for (const SecurityGroup& one : page.security_groups) found.push_back(*one.group_name);
    request.next_token = page.next_token;
  } while (request.next_token);
  EXPECT_THAT(found, testing::UnorderedElementsAreArray(names({})));
}

TEST_F(SecurityGroups, a_vpc_lists_the_groups_that_its_interfaces_may_have) {
  const std::string web = make_group("web");
  GetSecurityGroupsForVpcRequest request{.vpc_id = vpc_.text()};
  const auto all = call<operations::GetSecurityGroupsForVpc>(request);
  ASSERT_TRUE(all);
  EXPECT_THAT(all->security_group_for_vpcs, SizeIs(2));
  request.filters.push_back(Filter{.name = "group-name", .values = {"web"}});
  const auto one = call<operations::GetSecurityGroupsForVpc>(request).value().security_group_for_vpcs;
  ASSERT_THAT(one, SizeIs(1));
  EXPECT_EQ(one[0].group_id, web);
  EXPECT_EQ(one[0].primary_vpc_id, vpc_.text());
  EXPECT_EQ(outcome(call<operations::GetSecurityGroupsForVpc>({.vpc_id = "vpc-0123456789abcdef0"})),
            "InvalidVpcID.NotFound");
}

TEST_F(SecurityGroups, without_peering_nothing_is_stale_and_nothing_refers_from_afar) {
  const auto references = [&](const std::string& id) {
    return call<operations::DescribeSecurityGroupReferences>(
        DescribeSecurityGroupReferencesRequest{.group_id = {id}});
  };
  EXPECT_THAT(references(default_group(vpc_)).value().security_group_reference_set, IsEmpty());
  EXPECT_EQ(outcome(references("sg-0123456789abcdef0")), "InvalidGroup.NotFound");
  const auto stale = [&](const std::string& id) {
    DescribeStaleSecurityGroupsRequest request;
    request.vpc_id = id;
    return call<operations::DescribeStaleSecurityGroups>(request);
  };
  EXPECT_THAT(stale(vpc_.text()).value().stale_security_group_set, IsEmpty());
  EXPECT_EQ(outcome(stale("vpc-0123456789abcdef0")), "InvalidVpcID.NotFound");
}

}  // namespace
}  // namespace enid::api::ec2
