#include "srd/loss_detection.h"

#include <gtest/gtest.h>

namespace enid::srd {
namespace {

using Cause = LossDetection::Cause;

class LossStory : public testing::Test {
 protected:
  LossStory() {
    for (int i = 0; i < 50; ++i) congestion.on_rtt(at(0), Duration::from_microseconds(20));
    flight.sent_at = at(100);
    flight.path_sequence = 0xffff;
    path.acked_sequence = 0xfffe;
  }
  static Instant at(std::int64_t microseconds) {
    return Instant{} + Duration::from_microseconds(microseconds);
  }
  Cause judge(std::int64_t microseconds) const {
    return loss.judge(at(microseconds), flight, path, congestion).cause;
  }
  void path_delivers(std::uint16_t sequence, std::int64_t sent, std::int64_t acked) {
    path.acked_sequence = sequence;
    path.acked_sent_at = at(sent);
    path.acked_at = at(acked);
    loss.on_acknowledged(at(sent));
  }

  Settings settings;
  CongestionControl congestion{settings};
  LossDetection loss{settings};
  Flight flight;
  PathSlot path;
};

TEST_F(LossStory, a_gap_of_the_path_is_a_loss_after_a_little_slack) {
  path_delivers(0, 102, 122);
  EXPECT_EQ(judge(123), Cause::kNone);
  EXPECT_EQ(judge(128), Cause::kGap);
}

TEST_F(LossStory, three_later_ones_of_the_path_are_a_loss_at_once) {
  path_delivers(2, 103, 123);
  EXPECT_EQ(judge(123), Cause::kGap);
}

TEST_F(LossStory, a_later_one_of_another_path_is_a_loss_after_the_round_trip_and_a_margin) {
  loss.on_acknowledged(at(101));
  EXPECT_EQ(judge(130), Cause::kNone);
  EXPECT_EQ(judge(136), Cause::kTimer);
}

TEST_F(LossStory, the_last_of_a_burst_is_given_twice_the_round_trip) {
  EXPECT_EQ(judge(140), Cause::kNone);
  EXPECT_EQ(judge(156), Cause::kTail);
}

TEST_F(LossStory, the_last_of_a_burst_is_sent_again_although_its_path_is_slow) {
  path.smoothed_rtt = 50'000'000;
  EXPECT_EQ(judge(140), Cause::kNone);
  EXPECT_EQ(judge(156), Cause::kTail);
}

TEST_F(LossStory, waits_longer_for_a_slow_path) {
  path.smoothed_rtt = 60'000;
  loss.on_acknowledged(at(101));
  EXPECT_EQ(judge(160), Cause::kNone);
  EXPECT_EQ(judge(186), Cause::kTimer);
}

TEST_F(LossStory, the_timeout_stays_twice_and_then_doubles_up_to_its_bound) {
  const Duration first = loss.retransmission_timeout(congestion, 0);
  EXPECT_EQ(first, settings.rto_min);
  EXPECT_EQ(loss.retransmission_timeout(congestion, 1), first);
  EXPECT_EQ(loss.retransmission_timeout(congestion, 2), first * 2);
  EXPECT_EQ(loss.retransmission_timeout(congestion, 3), first * 4);
  EXPECT_EQ(loss.retransmission_timeout(congestion, 60), settings.rto_max);
}

}  // namespace
}  // namespace enid::srd
