// When a flow may change its carrier.
#include "card/express/flow_order.h"

#include <gtest/gtest.h>

namespace enid::card {
namespace {

constexpr Duration kRoundTrip = Duration::from_microseconds(50);
constexpr Duration kLittle = Duration::from_microseconds(1);
using enum CarrierKind;

class FlowOrderStory : public testing::Test {
 protected:
  bool may_use(CarrierKind carrier, bool srd_is_empty = false) {
    return order.may_use(carrier, 7, now, kRoundTrip, srd_is_empty);
  }
  FlowOrder order;
  Instant now{1'000'000};
};

TEST_F(FlowOrderStory, a_new_flow_takes_what_there_is) {
  EXPECT_TRUE(may_use(kSrd));
  EXPECT_TRUE(may_use(kGeneve));
}

TEST_F(FlowOrderStory, a_flow_changes_after_a_pause_of_a_round_trip) {
  order.note_sent(kGeneve, 7, now);
  EXPECT_FALSE(may_use(kSrd));
  EXPECT_TRUE(may_use(kGeneve));
  now = now + kRoundTrip;
  EXPECT_FALSE(may_use(kSrd));
  now = now + kLittle;
  EXPECT_TRUE(may_use(kSrd));
  order.note_sent(kSrd, 7, now);
  EXPECT_FALSE(may_use(kGeneve));
}

TEST_F(FlowOrderStory, or_when_all_is_acknowledged_which_only_srd_knows) {
  order.note_sent(kSrd, 7, now);
  EXPECT_FALSE(may_use(kGeneve, false));
  EXPECT_TRUE(may_use(kGeneve, true));
  order.note_sent(kGeneve, 7, now);
  EXPECT_FALSE(may_use(kSrd, true));
}

TEST_F(FlowOrderStory, a_flow_that_never_pauses_changes_in_the_end) {
  const Instant begin = now;
  while (!may_use(kSrd) || now == begin) {
    order.note_sent(kGeneve, 7, now);
    now = now + Duration::from_microseconds(10);
    ASSERT_LT(now - begin, FlowOrder::kPatience + kRoundTrip + kRoundTrip);
  }
  EXPECT_GT(now - begin, FlowOrder::kPatience);
}

TEST_F(FlowOrderStory, numbers_are_of_each_tag_and_zero_comes_once) {
  EXPECT_EQ(order.next_sequence(7), 0u);
  order.advance(7);
  EXPECT_EQ(order.next_sequence(7), 1u);
  EXPECT_EQ(order.next_sequence(8), 0u);
}

}  // namespace
}  // namespace enid::card
