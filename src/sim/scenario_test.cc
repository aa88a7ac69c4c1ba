#include "sim/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sim/scenario_plan.h"
#include "sim/scenario_words.h"

namespace enid::sim {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& text) {
  const auto scenario = Scenario::parse(text);
  return scenario ? "no error" : scenario.error().message;
}

TEST(ScenarioWords, quantities_have_units) {
  EXPECT_EQ(parse_bytes("2MB"), 2'000'000U);
  EXPECT_EQ(parse_bytes("1.5KiB"), 1536U);
  EXPECT_EQ(parse_time("50us"), 50 * kMicrosecond);
  EXPECT_EQ(parse_time("0.5ns"), 500);
  EXPECT_EQ(parse_rate("100gbit"), 100'000'000'000U);
  EXPECT_EQ(parse_fraction("25%"), 0.25);
  EXPECT_EQ(parse_fraction("1e-3"), 0.001);
}

TEST(ScenarioWords, what_is_no_quantity_is_refused) {
  for (const char* word : {"", "MB", "2", "2mb", "-1MB", "1e99GB", "nanMB", "infMB", "2 MB", "0x2MB"}) {
    EXPECT_FALSE(parse_bytes(word).has_value()) << word;
  }
  for (const char* word : {"", "101%", "1.5", "-0.1", "nan", "5%%", "%"}) {
    EXPECT_FALSE(parse_fraction(word).has_value()) << word;
  }
  for (const char* word : {"", "1-", "-1", "3-1", "1,,2", "1,", "99999999", "a"}) {
    EXPECT_FALSE(parse_hosts(word).has_value()) << word;
  }
}

TEST(Scenario, reads_a_whole_one) {
  const auto scenario = Scenario::parse(
      "title a test # not this\n"
      "\n"
      "topology leaf_spine leaves 2 hosts 16 spines 4   # and blanks\r\n"
      "link all rate 25gbit latency 500ns\n"
      "link leaf*-spine* rate 100gbit\n"
      "queue 200KB ecn 20KB 80KB\n"
      "routing withdraws 1ms\n"
      "sender dctcp\n"
      "tcp rto_min 10ms initial_window 20\n"
      "srd paths 16 target_delay 8us contexts cold ecn off\n"
      "traffic incast from 1-3,7 to 0 flows 2 size 1MB start 5us spread 1us sender srd\n"
      "traffic permutation\n"
      "fault at 50us cut leaf0-spine1\n"
      "fault at 60us rate 25% leaf0-spine2\n"
      "fault at 60us loss 1e-3 all\n"
      "slices 10us\n"
      "end 3ms\n"
      "expect srd.max_us <= 201.5\n");
  ASSERT_TRUE(scenario.has_value()) << scenario.error().message;
  EXPECT_EQ(scenario->title, "a test");
  EXPECT_EQ(scenario->shape.hosts_per_leaf, 16U);
  EXPECT_EQ(scenario->port.bits_per_second, 25'000'000'000U);
  EXPECT_EQ(scenario->port.queue_bytes, 200'000U);
  ASSERT_EQ(scenario->links.size(), 1U);
  EXPECT_EQ(scenario->withdraw_after, kMillisecond);
  EXPECT_TRUE(scenario->cold_contexts);
  ASSERT_EQ(scenario->traffic.size(), 2U);
  EXPECT_EQ(scenario->traffic[0].from.size(), 2U);
  EXPECT_EQ(scenario->traffic[0].sender, Sender::kSrd);
  EXPECT_FALSE(scenario->traffic[1].sender.has_value());
  ASSERT_EQ(scenario->faults.size(), 3U);
  EXPECT_EQ(scenario->faults[1].fraction, 0.25);
  ASSERT_EQ(scenario->expectations.size(), 1U);
  EXPECT_DOUBLE_EQ(scenario->expectations[0].bound, 201.5);
}

TEST(Scenario, names_the_line_and_what_is_wrong_in_it) {
  struct Row {
    const char* text;
    const char* error;
  };
  const Row rows[] = {
      {"", "line 1: there is no traffic"},
      {"title x\nsoup\n", "line 2: no directive is called \"soup\""},
      {"topology", "line 1: fat_tree or leaf_spine is missing after \"topology\""},
      {"topology ring", "line 1: a topology is fat_tree or leaf_spine, not \"ring\""},
      {"topology fat_tree hosts 100", "line 1: no fat tree has 100 hosts"},
      {"topology leaf_spine leaves 0 hosts 1 spines 1", "line 1: leaves must be from 1 to 4096"},
      {"topology leaf_spine leaves 4096 hosts 4096 spines 1", "at most 65536"},
      {"topology leaf_spine leaves 2 hosts 2 spines 2 hops 3", "not \"hops\""},
      {"mtu 10B", "line 1: a packet's size must be from 256 to 65000 bytes"},
      {"queue 100KB ecn 50KB 20KB", "line 1: ecn MIN is above MAX"},
      {"sender quic", "line 1: no sender is called \"quic\""},
      {"\n\ntraffic incast from 0-3", "line 3: say from which hosts to which"},
      {"traffic permutation size 0B", "line 1: a size must be from 1 to"},
      {"traffic permutation size", "line 1: a size is missing after \"size\""},
      {"traffic gossip", "line 1: no traffic is called \"gossip\""},
      {"fault at 5us melt all", "line 1: no fault is called \"melt\""},
      {"fault at 5 cut all", "line 1: \"5\" is not a time; such as 50us"},
      {"fault at 5us loss 150% all", "line 1: \"150%\" is not a loss; such as 25%"},
      {"fault at 5us cut all now", "line 1: do not know what \"now\" means here"},
      {"fault at 5us rate 0% all", "line 1: \"0%\" is not a rate"},
      {"expect max_us < 3", "line 1: expect WHAT <= NUMBER, or >="},
      {"end 5000s", "line 1: \"5000s\" is not the end"},
  };
  for (const Row& row : rows) EXPECT_THAT(error_of(row.text), HasSubstr(row.error)) << row.text;
}

class ScenarioPlanTest : public testing::Test {
 protected:
  ClosTopology topology_{*ClosTopology::fat_tree(16)};

  std::vector<Flow> flows_of(const std::string& traffic, std::uint64_t seed = 1) {
    const auto scenario = Scenario::parse(traffic);
    EXPECT_TRUE(scenario.has_value()) << scenario.error().message;
    Random random(seed);
    const auto flows = make_flows(*scenario, topology_, 4082, 0, random);
    EXPECT_TRUE(flows.has_value()) << flows.error().message;
    return *flows;
  }
  std::string refusal_of(const std::string& traffic) {
    const auto scenario = Scenario::parse(traffic);
    EXPECT_TRUE(scenario.has_value()) << scenario.error().message;
    Random random(1);
    const auto flows = make_flows(*scenario, topology_, 4082, 0, random);
    return flows ? "none" : flows.error().message;
  }
};

TEST_F(ScenarioPlanTest, in_a_permutation_all_send_and_all_receive_and_nobody_to_themselves) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    std::vector<bool> sends(16, false);
    std::vector<bool> hears(16, false);
    for (const Flow& flow : flows_of("traffic permutation", seed)) {
      EXPECT_NE(flow.source, flow.target);
      sends[flow.source] = true;
      hears[flow.target] = true;
    }
    EXPECT_EQ(std::count(sends.begin(), sends.end(), true), 16);
    EXPECT_EQ(std::count(hears.begin(), hears.end(), true), 16);
  }
}

TEST_F(ScenarioPlanTest, patterns_make_the_flows_that_they_say) {
  EXPECT_EQ(flows_of("traffic incast from 1-3,7 to 0 flows 12").size(), 48U);
  EXPECT_EQ(flows_of("traffic all_to_all from 0-3").size(), 12U);
  const auto pairs = flows_of("traffic pairs from 0,1 to 8,9 flows 2 start 3us");
  ASSERT_EQ(pairs.size(), 4U);
  EXPECT_EQ(pairs[3].source, 1U);
  EXPECT_EQ(pairs[3].target, 9U);
  EXPECT_EQ(pairs[3].start, 3 * kMicrosecond);
}

TEST_F(ScenarioPlanTest, refuses_what_the_topology_does_not_have) {
  EXPECT_EQ(refusal_of("\ntraffic incast from 1-20 to 0"), "line 2: no host 20; there are 16");
  EXPECT_EQ(refusal_of("traffic incast from 1-3 to 0-1"), "line 1: an incast has one target");
  EXPECT_EQ(refusal_of("traffic incast from 0-3 to 0"), "line 1: host 0 does not send to itself");
  EXPECT_EQ(refusal_of("traffic pairs from 0-3 to 4"),
            "line 1: pairs need as many hosts in `to` as in `from`");
  EXPECT_EQ(refusal_of("traffic permutation size 500GB"), "line 1: too many bytes for one run");
  EXPECT_EQ(refusal_of("traffic all_to_all flows 100000"), "line 1: too many flows");
}

TEST_F(ScenarioPlanTest, names_of_links_stand_for_ports) {
  struct Row {
    const char* links;
    std::size_t ports;
  };
  for (const Row& row :
       {Row{"all", 96}, Row{"leaf0-agg1", 2}, Row{"agg1-leaf0", 2}, Row{"leaf0->agg1", 1},
        Row{"agg0-core*", 4}, Row{"leaf*-agg*", 32}, Row{"host1*-leaf*", 12}, Row{"core3->agg*", 4}}) {
    const auto ports = find_ports(topology_, row.links, 9);
    ASSERT_TRUE(ports.has_value()) << row.links;
    EXPECT_EQ(ports->size(), row.ports) << row.links;
  }
  for (const char* links : {"leaf0-leaf1", "agg", "leaf99-agg0", "*", "leaf*->host*x", "-", "->"}) {
    const auto ports = find_ports(topology_, links, 9);
    ASSERT_FALSE(ports.has_value()) << links;
    EXPECT_THAT(ports.error().message, HasSubstr("line 9: "));
  }
}

}  // namespace
}  // namespace enid::sim
