#include "card/tables/rule_set.h"

#include <gtest/gtest.h>

#include <optional>

#include "base/random.h"
#include "wire/ip_protocol.h"

namespace enid::card {
namespace {

using contract::SecurityGroupRuleProgram;
namespace ip_protocol = wire::ip_protocol;

// The rules as the User Guide tells them, one sentence after the other, on the program itself.
bool slow_match(const SecurityGroupRuleProgram& rule, const RulePacket& packet,
                const std::vector<Ipv4Address>& group_members) {
  if (const auto* prefix = std::get_if<Ipv4Prefix>(&rule.peer)) {
    if (!prefix->contains(packet.peer)) return false;
  } else if (std::holds_alternative<SecurityGroupId>(rule.peer)) {
    bool member = false;
    for (const Ipv4Address address : group_members) member |= address == packet.peer;
    if (!member) return false;
  } else {
    return false;  // An IPv6 peer, an IPv4 packet.
  }
  if (rule.protocol == contract::kAnyProtocol) return true;
  if (rule.protocol != packet.protocol) return false;
  if (rule.protocol == ip_protocol::kTcp || rule.protocol == ip_protocol::kUdp)
    return rule.from_port == -1 || (rule.from_port <= packet.port && packet.port <= rule.to_port);
  if (rule.protocol == ip_protocol::kIcmp) {
    if (rule.from_port == -1) return true;
    return rule.from_port == packet.icmp_type && (rule.to_port == -1 || rule.to_port == packet.icmp_code);
  }
  return true;
}

SecurityGroupRuleProgram random_rule(Random& random) {
  SecurityGroupRuleProgram rule;
  constexpr std::int16_t kProtocols[] = {-1, 1, 6, 17, 47};
  rule.protocol = kProtocols[random.below(5)];
  if (random.below(4) != 0) {
    rule.from_port = static_cast<std::int32_t>(random.below(8));
    rule.to_port = rule.protocol == 1 ? static_cast<std::int32_t>(random.below(4)) - 1
                                      : rule.from_port + static_cast<std::int32_t>(random.below(4));
  }
  switch (random.below(4)) {
    case 0:
      rule.peer = SecurityGroupId::trusted("sg-peer");
      break;
    case 1:
      rule.peer = Ipv6Prefix{};
      break;
    default: {
      constexpr std::uint8_t kLengths[] = {0, 8, 24, 30, 32};
      Ipv4Prefix prefix{{}, kLengths[random.below(5)]};
      prefix.address.value = (0x0a000000u + static_cast<std::uint32_t>(random.below(8))) & prefix.mask();
      rule.peer = prefix;
    }
  }
  return rule;
}

TEST(RuleSet, agrees_with_the_slow_reading_of_random_rules) {
  Random random(13);
  int matched = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<SecurityGroupRuleProgram> programs(1 + random.below(5));
    for (auto& program : programs) program = random_rule(random);
    const std::vector<Ipv4Address> members{{0x0a000001}, {0x0a000005}};
    const auto group = std::make_shared<GroupMembers>();
    for (const Ipv4Address member : members) group->add(member, 1);
    RuleSet set;
    for (const auto& program : programs)
      set.add(program, std::holds_alternative<SecurityGroupId>(program.peer) ? group : nullptr);
    for (int i = 0; i < 20; ++i) {
      constexpr std::uint8_t kProtocols[] = {1, 6, 17, 47, 50};
      RulePacket packet;
      packet.protocol = kProtocols[random.below(5)];
      packet.port = static_cast<std::uint16_t>(random.below(12));
      packet.icmp_type = static_cast<std::uint8_t>(random.below(8));
      packet.icmp_code = static_cast<std::uint8_t>(random.below(4));
      packet.peer = {0x0a000000u + static_cast<std::uint32_t>(random.below(8))};
      bool expected = false;
      for (const auto& program : programs) expected |= slow_match(program, packet, members);
      ASSERT_EQ(set.match(packet) != nullptr, expected);
      matched += expected ? 1 : 0;
    }
  }
  EXPECT_GT(matched, 10'000);
}

TEST(RuleSet, only_a_rule_for_every_address_and_port_opens_all) {
  const auto opens = [](std::int16_t protocol, std::int32_t from, std::int32_t to, const char* peer) {
    SecurityGroupRuleProgram program;
    program.protocol = protocol;
    program.from_port = from;
    program.to_port = to;
    program.peer = *Ipv4Prefix::parse(peer);
    RuleSet set;
    set.add(program, nullptr);
    return std::pair(set.opens_all_ports(6), set.opens_all_ports(17));
  };
  EXPECT_EQ(opens(-1, -1, -1, "0.0.0.0/0"), std::pair(true, true));
  EXPECT_EQ(opens(6, 0, 65535, "0.0.0.0/0"), std::pair(true, false));
  EXPECT_EQ(opens(17, 0, 65534, "0.0.0.0/0"), std::pair(false, false));
  EXPECT_EQ(opens(-1, -1, -1, "10.0.0.0/8"), std::pair(false, false));
}

TEST(GroupMembers, an_address_that_moved_stays_with_its_new_interface) {
  GroupMembers members;
  members.add(Ipv4Address{5}, 1);
  members.add(Ipv4Address{5}, 2);  // The new owner is told first,
  members.remove(Ipv4Address{5}, 1);
  EXPECT_TRUE(members.contains({5}));
  members.remove(Ipv4Address{5}, 2);
  EXPECT_TRUE(members.empty());
}

}  // namespace
}  // namespace enid::card
