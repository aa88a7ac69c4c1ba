#include <algorithm>

#include "api/ec2/security_group_shapes.h"
#include "api/ec2/security_group_stories.h"

namespace enid::api::ec2 {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

using Ingress = operations::AuthorizeSecurityGroupIngress;
using Egress = operations::AuthorizeSecurityGroupEgress;
using RevokeIngress = operations::RevokeSecurityGroupIngress;
using RevokeEgress = operations::RevokeSecurityGroupEgress;

class SecurityGroupRules : public SecurityGroupStory {
 protected:
  std::string web_ = make_group("web");
  std::string rule_id(std::size_t place) const { return group(web_).rules.at(place).id.text(); }
};

TEST_F(SecurityGroupRules, each_peer_becomes_a_rule_and_the_answer_tells_them) {
  AuthorizeSecurityGroupIngressRequest request{.group_id = web_};
  IpPermission https = permission("tcp 443-443 10.0.0.5/8 'office'");
  https.ipv6_ranges.push_back({.description = {}, .cidr_ipv6 = "::/0"});
  request.ip_permissions = {https, permission("-1 0-0 " + web_)};
  request.tag_specifications.push_back(
      TagSpecification{.resource_type = "security-group-rule", .tags = {Tag{.key = "Name", .value = "r"}}});
  const auto made = call<Ingress>(request);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(lines(web_),
              ElementsAre("tcp 443-443 10.0.0.0/8 'office'", "tcp 443-443 ::/0", "-1 all " + web_));
  ASSERT_THAT(made->security_group_rules, SizeIs(3));
  const SecurityGroupRule& first = made->security_group_rules[0];
  EXPECT_EQ(first.security_group_rule_arn,
            "arn:aws:ec2:us-east-1:123456789012:security-group-rule/" + *first.security_group_rule_id);
  EXPECT_EQ(first.group_id, web_);
  EXPECT_EQ(first.group_owner_id, kAccount);
  EXPECT_EQ(first.is_egress, false);
  EXPECT_EQ(first.cidr_ipv4, "10.0.0.0/8");
  EXPECT_EQ(first.description, "office");
  EXPECT_THAT(first.tags, SizeIs(1));
  const SecurityGroupRule& last = made->security_group_rules[2];
  EXPECT_EQ(last.from_port, -1);
  EXPECT_EQ(last.referenced_group_info->group_id, web_);
  EXPECT_EQ(last.referenced_group_info->user_id, kAccount);
}

TEST_F(SecurityGroupRules, what_cannot_be_a_rule_is_refused_and_changes_nothing) {
  ASSERT_TRUE(ask(web_, {"tcp 22-22 0.0.0.0/0"}));
  const std::string far = make_group("far", default_vpc_);
  struct Story {
    std::vector<std::string> asked;
    std::string outcome;
  };
  const std::vector<Story> stories{
      {{}, "MissingParameter"},
      {{"tcp 80-80"}, "MissingParameter"},
      {{"tcp 80-80 0.0.0.0/0", "tcp 22-22 0.0.0.0/0"}, "InvalidPermission.Duplicate"},
      {{"6 22-22 1.2.3.4/0"}, "InvalidPermission.Duplicate"},
      {{"tcp 80-80 0.0.0.0/0", "6 80-80 0.0.0.0/0 'again'"}, "InvalidParameterValue"},
      {{"tcp 80-79 0.0.0.0/0"}, "InvalidParameterValue"},
      {{"tcp all 0.0.0.0/0"}, "InvalidParameterValue"},
      {{"tcp 80-80 10.0.0.0"}, "InvalidParameterValue"},
      {{"tcp 80-80 0.0.0.0/0 'caf\xc3\xa9'"}, "InvalidParameterValue"},
      {{"tcp 80-80 pl-x"}, "InvalidPrefixListId.Malformed"},
      {{"tcp 80-80 sg-0123456789abcdef0"}, "InvalidGroup.NotFound"},
      {{"tcp 80-80 " + far}, "InvalidGroup.NotFound"},
  };
  for (const Story& story : stories)
    EXPECT_EQ(outcome(ask(web_, story.asked)), story.outcome) << testing::PrintToString(story.asked);
  EXPECT_EQ(ask(web_, {"tcp 22-22 0.0.0.0/0"}).error().message,
            "the specified rule \"peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW\" already exists");
  EXPECT_THAT(lines(web_), ElementsAre("tcp 22-22 0.0.0.0/0"));
  EXPECT_EQ(outcome(ask<Egress>(web_, {"-1 all 0.0.0.0/0"})), "InvalidPermission.Duplicate");
  EXPECT_EQ(outcome(ask("sg-0123456789abcdef0", {"tcp 80-80 0.0.0.0/0"})), "InvalidGroup.NotFound");
}

TEST_F(SecurityGroupRules, the_parameters_of_one_rule_still_work_for_ingress) {
  AuthorizeSecurityGroupIngressRequest ssh{.cidr_ip = "10.0.0.0/8", .from_port = 22, .group_id = web_};
  ssh.ip_protocol = "tcp";
  ssh.to_port = 22;
  EXPECT_EQ(outcome(call<Ingress>(ssh)), "ok");
  EXPECT_THAT(lines(web_), ElementsAre("tcp 22-22 10.0.0.0/8"));
  ssh.ip_permissions = permissions({"tcp 80-80 0.0.0.0/0"});
  EXPECT_EQ(outcome(call<Ingress>(ssh)), "InvalidParameterCombination");

  RevokeSecurityGroupIngressRequest revoke{.cidr_ip = "10.0.0.0/8", .from_port = 22, .group_id = web_};
  revoke.ip_protocol = "tcp";
  revoke.to_port = 22;
  EXPECT_EQ(outcome(call<RevokeIngress>(revoke)), "ok");
  EXPECT_THAT(lines(web_), IsEmpty());

  AuthorizeSecurityGroupEgressRequest egress{.group_id = web_, .ip_protocol = "tcp", .cidr_ip = "10.0.0.0/8"};
  EXPECT_EQ(outcome(call<Egress>(egress)), "MissingParameter");
}

TEST_F(SecurityGroupRules, a_source_group_by_name_means_all_of_tcp_udp_and_icmp) {
  const std::string near = make_group("near", default_vpc_);
  const std::string db = make_group("db", default_vpc_);
  AuthorizeSecurityGroupIngressRequest request{.group_name = "db", .source_security_group_name = "near"};
  request.source_security_group_owner_id = kAccount;
  ASSERT_EQ(outcome(call<Ingress>(request)), "ok");
  EXPECT_THAT(lines(db), ElementsAre("tcp 0-65535 " + near, "udp 0-65535 " + near, "icmp -1--1 " + near));
  request.source_security_group_owner_id = "210987654321";
  EXPECT_EQ(outcome(call<Ingress>(request)), "InvalidGroup.NotFound");
  request.cidr_ip = "0.0.0.0/0";
  EXPECT_EQ(outcome(call<Ingress>(request)), "InvalidParameterCombination");
}

TEST_F(SecurityGroupRules, sixty_a_direction_and_a_family_are_the_limit) {
  std::vector<std::string> ipv4;
  std::vector<std::string> ipv6;
  for (int i = 0; i < 60; ++i) {
    ipv4.push_back(fmt::format("tcp {0}-{0} 0.0.0.0/0", i));
    ipv6.push_back(fmt::format("tcp {0}-{0} ::/0", i));
  }
  ipv4.push_back("udp 1-1 0.0.0.0/0");
  EXPECT_EQ(outcome(ask(web_, ipv4)), "RulesPerSecurityGroupLimitExceeded");
  ipv4.pop_back();
  EXPECT_EQ(outcome(ask(web_, ipv4)), "ok");
  EXPECT_EQ(outcome(ask(web_, ipv6)), "ok");
  EXPECT_EQ(outcome(ask(web_, {"tcp 1-1 " + web_})), "RulesPerSecurityGroupLimitExceeded");
  ipv4.pop_back();
  EXPECT_EQ(outcome(ask<Egress>(web_, ipv4)), "ok");  // With the one it was made with.
}

TEST_F(SecurityGroupRules, terraforms_first_step_takes_the_default_egress_away) {
  EXPECT_EQ(outcome(ask<RevokeEgress>(web_, {"-1 0-0 0.0.0.0/0"})), "ok");
  EXPECT_THAT(lines(web_, true), IsEmpty());
  const auto again = ask<RevokeEgress>(web_, {"-1 0-0 ::/0"});
  EXPECT_EQ(outcome(again), "InvalidPermission.NotFound");
  EXPECT_EQ(again.error().message, "The specified rule does not exist in this security group.");
}

TEST_F(SecurityGroupRules, what_is_not_there_is_an_error_but_in_a_default_vpc_an_answer) {
  const std::vector<std::string> rules{"tcp 22-22 10.0.0.0/8", "udp 53-53 10.0.0.0/8"};
  const std::string near = make_group("near", default_vpc_);
  for (const std::string& one : {web_, near}) ASSERT_TRUE(ask(one, rules));
  const std::vector<std::string> asked{"tcp 22-22 10.0.0.0/8", "tcp 23-23 10.0.0.0/8"};
  EXPECT_EQ(outcome(ask<RevokeIngress>(web_, asked)), "InvalidPermission.NotFound");
  EXPECT_EQ(lines(web_), rules);
  const auto revoked = ask<RevokeIngress>(near, asked);
  ASSERT_TRUE(revoked);
  EXPECT_EQ(revoked->return_, true);
  ASSERT_THAT(revoked->unknown_ip_permissions, SizeIs(1));
  EXPECT_EQ(revoked->unknown_ip_permissions[0].from_port, 23);
  ASSERT_THAT(revoked->revoked_security_group_rules, SizeIs(1));
  EXPECT_EQ(revoked->revoked_security_group_rules[0].cidr_ipv4, "10.0.0.0/8");
  EXPECT_THAT(lines(near), ElementsAre("udp 53-53 10.0.0.0/8"));
}

TEST_F(SecurityGroupRules, are_revoked_by_id_in_their_own_direction) {
  ASSERT_TRUE(ask(web_, {"tcp 1-1 0.0.0.0/0", "tcp 2-2 0.0.0.0/0", "tcp 3-3 0.0.0.0/0"}));
  const auto revoke = [&](std::vector<std::string> ids) {
    RevokeSecurityGroupIngressRequest request{.group_id = web_};
    request.security_group_rule_ids = std::move(ids);
    return outcome(call<RevokeIngress>(request));
  };
  EXPECT_EQ(revoke({rule_id(0)}), "InvalidSecurityGroupRuleId.NotFound");  // The egress rule.
  EXPECT_EQ(revoke({"sgr-0123456789abcdef0"}), "InvalidSecurityGroupRuleId.NotFound");
  EXPECT_EQ(revoke({"sgr-x"}), "InvalidSecurityGroupRuleId.Malformed");
  EXPECT_EQ(revoke({}), "MissingParameter");
  EXPECT_EQ(revoke({rule_id(3), rule_id(1), rule_id(3)}), "ok");
  EXPECT_THAT(lines(web_), ElementsAre("tcp 2-2 0.0.0.0/0"));
  EXPECT_THAT(lines(web_, true), SizeIs(1));
}

TEST_F(SecurityGroupRules, are_modified_within_their_kind) {
  ASSERT_TRUE(ask(web_, {"tcp 1-1 10.0.0.0/8 'old'", "tcp 2-2 10.0.0.0/8"}));
  const auto modify = [&](SecurityGroupRuleRequest rule) {
    ModifySecurityGroupRulesRequest request{.group_id = web_};
    request.security_group_rules.push_back(SecurityGroupRuleUpdate{.security_group_rule_id = rule_id(1),
                                                                   .security_group_rule = std::move(rule)});
    return outcome(call<operations::ModifySecurityGroupRules>(request));
  };
  SecurityGroupRuleRequest rule{.ip_protocol = "udp", .from_port = 5, .to_port = 6};
  EXPECT_EQ(modify(rule), "InvalidParameterCombination");
  rule.cidr_ipv6 = "::/0";
  EXPECT_EQ(modify(rule), "InvalidParameterValue");
  rule.cidr_ipv6.reset();
  rule.cidr_ipv4 = "10.1.2.3/16";
  rule.description = "new";
  const std::string id = rule_id(1);
  EXPECT_EQ(modify(rule), "ok");
  EXPECT_THAT(lines(web_), ElementsAre("udp 5-6 10.1.0.0/16 'new'", "tcp 2-2 10.0.0.0/8"));
  EXPECT_EQ(rule_id(1), id);
  rule = {.ip_protocol = "tcp", .from_port = 2, .to_port = 2, .cidr_ipv4 = "10.0.0.0/8"};
  EXPECT_EQ(modify(rule), "InvalidPermission.Duplicate");
  EXPECT_EQ(outcome(call<operations::ModifySecurityGroupRules>({.group_id = web_})), "MissingParameter");
}

TEST_F(SecurityGroupRules, descriptions_are_set_and_removed_alone) {
  ASSERT_TRUE(ask(web_, {"tcp 1-1 10.0.0.0/8 'old'", "tcp 2-2 10.0.0.0/8"}));
  using Update = operations::UpdateSecurityGroupRuleDescriptionsIngress;
  EXPECT_EQ(outcome(ask<Update>(web_, {"tcp 1-1 10.0.0.0/8", "tcp 2-2 10.0.0.0/8 'two'"})), "ok");
  EXPECT_THAT(lines(web_), ElementsAre("tcp 1-1 10.0.0.0/8", "tcp 2-2 10.0.0.0/8 'two'"));
  EXPECT_EQ(outcome(ask<Update>(web_, {"tcp 3-3 10.0.0.0/8 'x'"})), "InvalidPermission.NotFound");
  UpdateSecurityGroupRuleDescriptionsEgressRequest egress{.group_id = web_};
  egress.security_group_rule_descriptions.push_back(
      {.security_group_rule_id = rule_id(0), .description = "everywhere"});
  EXPECT_EQ(outcome(call<operations::UpdateSecurityGroupRuleDescriptionsEgress>(egress)), "ok");
  EXPECT_THAT(lines(web_, true), ElementsAre("-1 all 0.0.0.0/0 'everywhere'"));
}

TEST_F(SecurityGroupRules, are_described_by_id_group_and_tag) {
  ASSERT_TRUE(ask(web_, {"tcp 1-1 10.0.0.0/8", "tcp 2-2 10.0.0.0/8"}));
  const auto count = [&](const DescribeSecurityGroupRulesRequest& request) {
    return call<operations::DescribeSecurityGroupRules>(request).value().security_group_rules.size();
  };
  EXPECT_EQ(count({}), 7u);  // Two default groups have two each, this one three.
  DescribeSecurityGroupRulesRequest by_group;
  by_group.filters.push_back(Filter{.name = "group-id", .values = {web_}});
  EXPECT_EQ(count(by_group), 3u);
  DescribeSecurityGroupRulesRequest by_id;
  by_id.security_group_rule_ids = {rule_id(1), rule_id(2)};
  EXPECT_EQ(count(by_id), 2u);
  by_id.security_group_rule_ids.push_back("sgr-0123456789abcdef0");
  EXPECT_EQ(outcome(call<operations::DescribeSecurityGroupRules>(by_id)),
            "InvalidSecurityGroupRuleId.NotFound");
}

// From few words, so that many permissions share protocol and ports.
std::string random_line(Random& random, const std::string& group) {
  const std::vector<std::string> traffic{"tcp 22-22",    "tcp 80-443", "udp 53-53", "icmp 8-0",
                                         "icmpv6 -1--1", "-1 all",     "50 all"};
  const std::vector<std::string> peers{"0.0.0.0/0",     "10.0.0.0/8", "::/0",
                                       "2001:db8::/32", group,        "pl-0123456789abcdef0"};
  const std::string description = random.below(2) == 0 ? "" : fmt::format(" 'd{}'", random.below(3));
  return fmt::format("{} {}{}", traffic[random.below(traffic.size())], peers[random.below(peers.size())],
                     description);
}

TEST_F(SecurityGroupRules, grouped_rules_read_again_are_the_same_rules) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::map<vpc::RuleTerms, std::string> wanted;
    control::Transaction transaction(region_, kAccount, kNow, random_);
    for (std::uint64_t i = random.below(30); i > 0; --i) {
      const std::string line = random_line(random, web_);
      const auto rules = read_permissions(transaction, group(web_), false, permissions({line}));
      ASSERT_TRUE(rules) << line;
      wanted.try_emplace(terms_of(rules->at(0)), line);
    }
    std::vector<std::string> wanted_lines;
    for (const auto& [terms, line] : wanted) wanted_lines.push_back(line);
    const auto rules = read_permissions(transaction, group(web_), false, permissions(wanted_lines));
    ASSERT_TRUE(rules);
    const auto grouped = group_permissions(kAccount, *rules);
    const auto again = read_permissions(transaction, group(web_), false, grouped);
    ASSERT_TRUE(again) << again.error().message;
    std::vector<std::string> again_lines;
    for (const Rule& rule : *again) again_lines.push_back(line_of(rule));
    EXPECT_THAT(again_lines, UnorderedElementsAreArray(wanted_lines));
    for (std::size_t i = 0; i < grouped.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        EXPECT_FALSE(grouped[i].ip_protocol == grouped[j].ip_protocol &&
                     grouped[i].from_port == grouped[j].from_port &&
                     grouped[i].to_port == grouped[j].to_port);
  }
}

}  // namespace
}  // namespace enid::api::ec2
