// How fast a single flow may be, when the card is asked to hold to EC2's limits.
#include "card/flow_limits.h"

#include <gtest/gtest.h>

#include "card/card_lab.h"

namespace enid::card {
namespace {

constexpr flow::FlowKey kFlow{1, 2, 3, 4, 5};
constexpr flow::FlowKey kOther{1, 2, 3, 9, 5};

// What a flow that always has more may send in a tenth of a second, in Gbit/s.
double rate_of(std::int64_t limit, std::uint32_t bytes) {
  FlowLimits limits(64, 1);
  std::int64_t admitted = 0;
  for (std::int64_t at = 0; at < 100'000'000; at += 500)
    if (limits.admit(kFlow, limit, bytes, Instant{1'000'000'000 + at})) admitted += bytes;
  return static_cast<double>(admitted) * 8 / 0.1 / 1e9;
}

TEST(FlowLimits, a_flow_gets_its_limit_whatever_its_packets_are) {
  EXPECT_NEAR(rate_of(FlowLimits::kPlainBitsPerSecond, 1500), 5, 0.1);
  EXPECT_NEAR(rate_of(FlowLimits::kPlainBitsPerSecond, 65'000), 5, 0.1);
  EXPECT_NEAR(rate_of(FlowLimits::kExpressBitsPerSecond, 9000), 25, 0.3);
}

TEST(FlowLimits, flows_have_a_limit_each) {
  FlowLimits limits(64, 1);
  const Instant now{1'000'000'000};
  while (limits.admit(kFlow, FlowLimits::kPlainBitsPerSecond, 65'000, now)) {
  }
  EXPECT_TRUE(limits.admit(kOther, FlowLimits::kPlainBitsPerSecond, 65'000, now));
}

TEST(FlowLimits, the_card_keeps_them_only_when_it_is_asked_to) {
  for (const bool asked : {false, true}) {
    CardLab lab({.single_flow_limits = asked});
    lab.group("sg-1", {CardLab::any("sgr-1")}, {CardLab::any("sgr-2")});
    lab.interface("a", "10.0.1.5", {"sg-1"});
    lab.interface("b", "10.0.1.6", {"sg-1"});
    for (int i = 0; i < 300; ++i) lab.send("a", {.from = "10.0.1.5", .to = "10.0.1.6", .payload = 8000});
    EXPECT_EQ(lab.drops("a", "single_flow_limit") > 200, asked);
    EXPECT_EQ(lab.arrived("b") + lab.drops("a", "single_flow_limit"), 300u);
    EXPECT_TRUE(lab.passes("a", "b", {.from = "10.0.1.5", .to = "10.0.1.6", .source_port = 7}));
  }
}

}  // namespace
}  // namespace enid::card
