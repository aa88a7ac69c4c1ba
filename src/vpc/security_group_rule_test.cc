#include "vpc/security_group_rule.h"

#include <gtest/gtest.h>

#include <vector>

#include "vpc/ec2_error.h"

namespace enid::vpc {
namespace {

struct TrafficStory {
  std::optional<std::string> protocol;
  std::optional<std::int32_t> from;
  std::optional<std::int32_t> to;
  std::string outcome;  // "protocol/from/to", or the error's message.
};

std::string outcome_of(const Result<RuleTraffic>& traffic) {
  if (!traffic) return traffic.error().message;
  return traffic->protocol + "/" + std::to_string(traffic->from_port) + "/" +
         std::to_string(traffic->to_port);
}

TEST(SecurityGroupRule, traffic_is_said_in_one_way_or_refused_in_ec2s_words) {
  const std::string no_ports =
      "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
  const std::vector<TrafficStory> stories{
      {"tcp", 22, 22, "tcp/22/22"},
      {"TCP", 0, 65535, "tcp/0/65535"},
      {"6", 80, 443, "tcp/80/443"},
      {"17", 53, 53, "udp/53/53"},
      {"1", 8, 0, "icmp/8/0"},
      {"icmp", -1, -1, "icmp/-1/-1"},
      {"icmp", 3, -1, "icmp/3/-1"},
      {"58", {}, {}, "icmpv6/-1/-1"},
      {"icmpv6", 128, 0, "icmpv6/128/0"},
      {"-1", {}, {}, "-1/-1/-1"},
      {"-1", 22, 80, "-1/-1/-1"},
      {"50", 1, 2, "50/-1/-1"},
      {"0", {}, {}, "0/-1/-1"},
      {"tcp", {}, {}, no_ports},
      {"udp", {}, 53, no_ports},
      {"icmp", 8, {}, "Invalid value 'Must specify both from and to ports with ICMP.' for portRange."},
      {"tcp", -1, -1, "TCP/UDP port (-1) out of range"},
      {"tcp", 1, 65536, "TCP/UDP port (65536) out of range"},
      {"tcp", 443, 80, "Invalid TCP/UDP port range (443:80)"},
      {"icmp", 0, 65535, "ICMP code (65535) out of range"},
      {"icmp", 256, 0, "ICMP type (256) out of range"},
      {"icmp", -1, 0, "ICMP code (0) cannot be combined with all ICMP types"},
      {"sctp", 1, 1, "Invalid value 'sctp' for IP protocol. Unknown protocol."},
      {"256", {}, {}, "Invalid value '256' for IP protocol. Unknown protocol."},
      {"-2", {}, {}, "Invalid value '-2' for IP protocol. Unknown protocol."},
      {"6x", 1, 1, "Invalid value '6x' for IP protocol. Unknown protocol."},
      {{}, 1, 1, "The request must contain the parameter ipProtocol"},
  };
  for (const TrafficStory& story : stories)
    EXPECT_EQ(outcome_of(RuleTraffic::parse(story.protocol, story.from, story.to)), story.outcome)
        << story.protocol.value_or("none");
}

TEST(SecurityGroupRule, reading_canonical_traffic_again_changes_nothing) {
  for (int protocol = -1; protocol <= 255; ++protocol) {
    const auto first = RuleTraffic::parse(std::to_string(protocol), 3, 4);
    ASSERT_TRUE(first);
    EXPECT_EQ(RuleTraffic::parse(first->protocol, first->from_port, first->to_port).value(), *first)
        << protocol;
  }
}

TEST(SecurityGroupRule, peers_lose_the_bits_behind_their_length) {
  EXPECT_EQ(peer_text(parse_ipv4_peer("10.0.0.5/24").value()), "10.0.0.0/24");
  EXPECT_EQ(peer_text(parse_ipv4_peer("1.2.3.4/0").value()), "0.0.0.0/0");
  EXPECT_EQ(peer_text(parse_ipv6_peer("2001:DB8:0:0::1/64").value()), "2001:db8::/64");
  EXPECT_EQ(peer_text(parse_prefix_list_peer("pl-0123456789abcdef0").value()), "pl-0123456789abcdef0");
}

TEST(SecurityGroupRule, malformed_peers_are_refused) {
  EXPECT_EQ(parse_ipv4_peer("10.0.0.0").error().message, "CIDR block 10.0.0.0 is malformed");
  for (const char* cidr : {"", "10.0.0.0/33", "10.0.0/24", "::/0", "10.0.0.0/8/8"})
    EXPECT_FALSE(parse_ipv4_peer(cidr));
  for (const char* cidr : {"", "::", "::/129", "0.0.0.0/0", ":::/0"})
    EXPECT_FALSE(parse_ipv6_peer(cidr)) << cidr;
  EXPECT_EQ(ec2_code(parse_prefix_list_peer("pl-1").error()), "InvalidPrefixListId.Malformed");
}

TEST(SecurityGroupRule, errors_name_a_rule_as_ec2_does) {
  const RulePeer everywhere = Ipv4Prefix{};
  const auto text = [&](std::string protocol, int from, int to) {
    return RuleTerms{{std::move(protocol), from, to}, everywhere}.text();
  };
  EXPECT_EQ(text("tcp", 22, 22), "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW");
  EXPECT_EQ(text("-1", -1, -1), "peer: 0.0.0.0/0, ALL, ALLOW");
  EXPECT_EQ(text("50", -1, -1), "peer: 0.0.0.0/0, protocol: 50, ALLOW");
  EXPECT_EQ(text("icmp", 8, -1), "peer: 0.0.0.0/0, ICMP, type: 8, code: ALL, ALLOW");
}

TEST(SecurityGroupRule, the_limit_counts_both_families_apart_and_groups_for_both) {
  RuleCount count;
  for (int i = 0; i < kRulesPerDirectionMax; ++i) count.add(Ipv4Prefix{});
  for (int i = 1; i < kRulesPerDirectionMax; ++i) count.add(Ipv6Prefix{});
  EXPECT_FALSE(count.over_limit());
  RuleCount with_group = count;
  with_group.add(SecurityGroupId());
  EXPECT_TRUE(with_group.over_limit());
  count.add(Ipv6Prefix{});
  EXPECT_FALSE(count.over_limit());
  count.add(Ipv6Prefix{});
  EXPECT_TRUE(count.over_limit());
}

TEST(SecurityGroupRule, descriptions_keep_to_ec2s_letters) {
  EXPECT_TRUE(check_rule_description(""));
  EXPECT_TRUE(check_rule_description("ssh from office (10.0.0.0/8) #1, {a}=[b];!$*"));
  EXPECT_FALSE(check_rule_description("quote\""));
  EXPECT_FALSE(check_rule_description("caf\xc3\xa9"));
  EXPECT_TRUE(check_rule_description(std::string(255, 'x')));
  EXPECT_FALSE(check_rule_description(std::string(256, 'x')));
}

}  // namespace
}  // namespace enid::vpc
