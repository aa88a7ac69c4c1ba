#include "sim/simulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "sim/flow_summary.h"
#include "sim/report.h"
#include "sim/trace.h"

namespace enid::sim {
namespace {

using testing::HasSubstr;

struct Outcome {
  Report report;
  std::map<std::string, double> metrics;
};

Outcome run(const std::string& text, std::uint64_t seed = 13) {
  const auto scenario = Scenario::parse(text);
  EXPECT_TRUE(scenario.has_value()) << scenario.error().message;
  auto simulation = Simulation::make(*scenario, seed);
  EXPECT_TRUE(simulation.has_value()) << simulation.error().message;
  while ((*simulation)->run_for(50 * kMicrosecond)) {
  }
  Outcome outcome;
  outcome.report = make_report(**simulation);
  for (const auto& [name, value] : outcome.report.metrics) outcome.metrics[name] = value;
  return outcome;
}

const std::string kSmallTree = "topology fat_tree hosts 16\nend 50ms\n";

TEST(Simulation, an_unloaded_flow_takes_its_length_and_a_round_trip) {
  // 489 packets of 4,150 bytes; 6 links there and 6 back, or 2 and 2: the reference's 176 and 168 us.
  for (const char* sender : {"srd", "dctcp"}) {
    const std::string setting = std::string("sender ") + sender + "\ntcp initial_window 1000\n";
    const Outcome far = run("topology fat_tree hosts 128\n" + setting + "traffic pairs from 0 to 64");
    const Outcome near = run("topology fat_tree hosts 128\n" + setting + "traffic pairs from 0 to 1");
    EXPECT_NEAR(far.metrics.at("max_us"), 176, 2) << sender;
    EXPECT_NEAR(near.metrics.at("max_us"), 167, 1.5) << sender;
  }
}

TEST(Simulation, a_cold_context_costs_a_round_trip_more) {
  const std::string traffic = "topology fat_tree hosts 128\ntraffic pairs from 0 to 64\n";
  const double warm = run(traffic).metrics.at("max_us");
  const double cold = run(traffic + "srd contexts cold\n").metrics.at("max_us");
  EXPECT_GT(cold, warm + 11);
  EXPECT_LT(cold, warm + 40);
}

TEST(Simulation, the_same_seed_makes_the_same_report_and_another_one_another) {
  const std::string text = kSmallTree +
                           "traffic permutation size 500KB\ntraffic permutation size 500KB sender dctcp\n"
                           "fault at 20us loss 0.1% all\nfault at 30us cut agg0-core0\nslices 10us\n";
  const std::string first = run(text, 13).report.text;
  EXPECT_EQ(run(text, 13).report.text, first);
  EXPECT_NE(run(text, 14).report.text, first);
}

TEST(Simulation, the_size_of_steps_does_not_matter) {
  const auto scenario = Scenario::parse(kSmallTree + "traffic permutation size 500KB\n");
  std::string texts[2];
  for (int i = 0; i < 2; ++i) {
    auto simulation = Simulation::make(*scenario, 5);
    while ((*simulation)->run_for(i == 0 ? 5 * kMicrosecond : kMillisecond)) {
    }
    texts[i] = make_report(**simulation).text;
  }
  EXPECT_EQ(texts[0], texts[1]);
}

TEST(Simulation, everything_arrives_once_under_every_sender_and_a_little_of_every_fault) {
  for (const char* sender : {"srd", "dctcp", "cubic"}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const Outcome outcome =
          run(kSmallTree + "tcp rto_min 1ms\nrouting withdraws 500us\nsender " + sender +
                  "\ntraffic permutation size 300KB flows 2\ntraffic incast from 1-5 to 0 size 300KB\n"
                  "fault at 10us loss 0.5% leaf*-agg*\nfault at 20us cut leaf0-agg0\n"
                  "fault at 30us rate 25% agg1-core*\nfault at 3ms repair leaf0-agg0\n",
              seed);
      EXPECT_EQ(outcome.metrics.at("unfinished"), 0) << sender << " seed " << seed;
      EXPECT_EQ(outcome.metrics.at("violations"), 0) << sender << " seed " << seed;
    }
  }
}

TEST(Simulation, one_hashed_path_is_several_times_slower_than_all_of_them) {
  const std::string text =
      "topology fat_tree hosts 128\nend 20ms\ntcp rto_min 1ms\ntraffic permutation sender ";
  EXPECT_GT(run(text + "dctcp").metrics.at("max_us"), 2 * run(text + "srd").metrics.at("max_us"));
}

TEST(Simulation, balanced_flows_go_different_ways) {
  const std::string text =
      "topology leaf_spine leaves 2 hosts 4 spines 4\nsender dctcp\ntraffic pairs from 0-3 to 4-7 ";
  EXPECT_LT(run(text + "balanced").metrics.at("max_us"), 230);
}

TEST(Simulation, an_expectation_that_is_missed_fails_the_report) {
  const Outcome met = run(kSmallTree + "traffic permutation\nexpect unfinished <= 0\n");
  EXPECT_TRUE(met.report.passed);
  const Outcome missed = run(kSmallTree + "traffic permutation\nexpect max_us <= 10\n");
  EXPECT_FALSE(missed.report.passed);
  EXPECT_THAT(missed.report.text, HasSubstr("MISSED  max_us <= 10"));
  const Outcome unknown = run(kSmallTree + "traffic permutation\nexpect joy >= 1\n");
  EXPECT_FALSE(unknown.report.passed);
}

TEST(Simulation, several_lines_of_traffic_are_told_apart) {
  const Outcome outcome =
      run(kSmallTree + "traffic incast from 4-7 to 0 size 100KB\ntraffic pairs from 8 to 1\n");
  EXPECT_EQ(outcome.metrics.at("flows"), 5);
  EXPECT_EQ(outcome.metrics.at("line3.flows"), 4);
  EXPECT_EQ(outcome.metrics.at("line4.flows"), 1);
  EXPECT_GT(outcome.metrics.at("line4.min_us"), 160);
}

TEST(Simulation, a_trace_has_as_many_columns_as_its_header) {
  const auto scenario = Scenario::parse(kSmallTree + "traffic incast from 1-8 to 0\n");
  auto simulation = Simulation::make(*scenario, 5);
  (*simulation)->run_for(Simulation::kLeadIn + 50 * kMicrosecond);
  const std::string rows = trace_rows(**simulation);
  EXPECT_THAT(rows, HasSubstr("queue,leaf0->host0"));
  EXPECT_THAT(rows, HasSubstr("srd,host1->host0"));
  const auto columns = std::count(kTraceHeader.begin(), kTraceHeader.end(), ',');
  std::size_t at = 0;
  while (at < rows.size()) {
    const std::size_t end = rows.find('\n', at);
    EXPECT_EQ(std::count(rows.begin() + static_cast<std::ptrdiff_t>(at),
                         rows.begin() + static_cast<std::ptrdiff_t>(end), ','),
              columns);
    at = end + 1;
  }
}

// Recovery is judged by slices: a flow of 10,000 bytes a slice with a gap.
TEST(RecoveryTime, is_the_time_until_no_window_is_slow_any_more) {
  Flow flow;
  flow.bytes = 1'000'000;
  FlowTable flows({flow}, 1000, 10 * kMicrosecond);
  std::uint32_t datagram = 0;
  for (int slice = 0; slice < 90; ++slice) {
    if (slice >= 50 && slice < 53) continue;  // 30 us of nothing from 500 us on.
    for (int i = 0; i < 10; ++i) flows.on_delivered((slice * 10 + i) * kMicrosecond, 0, datagram++);
  }
  EXPECT_EQ(recovery_time(flows, 0, 500 * kMicrosecond, 50 * kMicrosecond), 30 * kMicrosecond);
  EXPECT_EQ(recovery_time(flows, 0, 700 * kMicrosecond, 50 * kMicrosecond), 0);
}

}  // namespace
}  // namespace enid::sim
