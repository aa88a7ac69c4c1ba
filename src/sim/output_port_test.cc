#include "sim/output_port.h"

#include <gtest/gtest.h>

#include <vector>

namespace enid::sim {
namespace {

class OutputPortTest : public testing::Test {
 protected:
  OutputPortTest() {
    settings_.queue_bytes = 40'000;
    settings_.ecn_min_bytes = 10'000;
    settings_.ecn_max_bytes = 20'000;
    port_.set_up(settings_);
  }

  bool offer(Picoseconds now, std::uint32_t bytes = 1000, bool ecn_capable = false) {
    const PacketIndex index = pool_.take();
    pool_[index].wire_bytes = bytes;
    pool_[index].ecn_capable = ecn_capable;
    if (port_.accept(now, index, pool_, random_)) return true;
    pool_.give_back(index);
    return false;
  }
  // The times at which all that is in the port arrives.
  std::vector<Picoseconds> arrivals() {
    std::vector<Picoseconds> times;
    while (port_.next_arrival() != kNever) {
      times.push_back(port_.next_arrival());
      pool_.give_back(port_.take_arrival(pool_));
    }
    return times;
  }

  PortSettings settings_;
  OutputPort port_;
  PacketPool pool_;
  Random random_{1};
};

constexpr Picoseconds kKilobyte = 80 * kNanosecond;  // At 100 Gbit/s.

TEST_F(OutputPortTest, a_packet_arrives_after_its_own_length_and_the_latency) {
  ASSERT_TRUE(offer(500));
  EXPECT_EQ(arrivals(), (std::vector<Picoseconds>{500 + kKilobyte + kMicrosecond}));
}

TEST_F(OutputPortTest, packets_follow_each_other_at_the_rate) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(offer(0));
  EXPECT_EQ(port_.backlog_bytes(0), 3000U);
  EXPECT_EQ(port_.backlog_bytes(kKilobyte), 2000U);
  EXPECT_EQ(arrivals(), (std::vector<Picoseconds>{kKilobyte + kMicrosecond, 2 * kKilobyte + kMicrosecond,
                                                  3 * kKilobyte + kMicrosecond}));
}

TEST_F(OutputPortTest, a_full_queue_drops_at_the_tail_and_has_room_again_when_one_left) {
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(offer(0));
  EXPECT_FALSE(offer(0));
  EXPECT_EQ(port_.counters().full_drops, 1U);
  EXPECT_EQ(port_.counters().queue_bytes_max, 40'000U);
  EXPECT_TRUE(offer(kKilobyte));
  EXPECT_EQ(arrivals().size(), 41U);
}

TEST_F(OutputPortTest, marks_rise_from_none_to_all_between_the_thresholds) {
  std::vector<int> marked(40, 0);
  constexpr int kRounds = 400;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 40; ++i) {
      const std::uint64_t before = port_.counters().marks;
      ASSERT_TRUE(offer(round * kMillisecond, 1000, true));
      marked[static_cast<std::size_t>(i)] += static_cast<int>(port_.counters().marks - before);
    }
    arrivals();
  }
  EXPECT_EQ(marked[9], 0);
  EXPECT_EQ(marked[10], 0);
  EXPECT_NEAR(marked[15], kRounds / 2, kRounds / 10);
  EXPECT_EQ(marked[20], kRounds);
  EXPECT_EQ(marked[39], kRounds);
}

TEST_F(OutputPortTest, what_cannot_carry_a_mark_gets_none) {
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(offer(0));
  EXPECT_EQ(port_.counters().marks, 0U);
}

TEST_F(OutputPortTest, a_slower_rate_stretches_what_has_not_left) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(offer(0));
  // Half of the second packet is out; from now on everything takes four times as long.
  const Picoseconds now = kKilobyte + kKilobyte / 2;
  port_.set_rate(now, settings_.bits_per_second / 4, pool_);
  const std::vector<Picoseconds> times = arrivals();
  EXPECT_EQ(times[0], kKilobyte + kMicrosecond);
  EXPECT_NEAR(static_cast<double>(times[1]), static_cast<double>(now + 2 * kKilobyte + kMicrosecond), 2);
  EXPECT_NEAR(static_cast<double>(times[2]), static_cast<double>(now + 6 * kKilobyte + kMicrosecond), 2);
}

TEST_F(OutputPortTest, a_faster_rate_shortens_it_and_order_stays) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(offer(0));
  port_.set_rate(kKilobyte / 2, settings_.bits_per_second * 4, pool_);
  Picoseconds last = 0;
  for (const Picoseconds time : arrivals()) {
    EXPECT_GT(time, last);
    last = time;
  }
  EXPECT_LT(last, 2 * kKilobyte + kMicrosecond);
}

TEST_F(OutputPortTest, a_cut_loses_queue_and_wire_and_a_repair_begins_anew) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(offer(0));
  port_.cut(pool_);
  EXPECT_EQ(port_.next_arrival(), kNever);
  EXPECT_EQ(port_.counters().cut_losses, 5U);
  EXPECT_FALSE(offer(100));
  EXPECT_EQ(port_.counters().cut_losses, 6U);
  port_.repair(kMicrosecond);
  ASSERT_TRUE(offer(kMicrosecond));
  EXPECT_EQ(arrivals(), (std::vector<Picoseconds>{2 * kMicrosecond + kKilobyte}));
}

TEST_F(OutputPortTest, a_gray_link_loses_its_share_and_lost_packets_take_their_time) {
  port_.set_loss(0.1);
  int lost = 0;
  constexpr int kPackets = 10'000;
  for (int i = 0; i < kPackets; ++i) {
    const Picoseconds now = i * kMillisecond;
    ASSERT_TRUE(offer(now));
    EXPECT_EQ(port_.next_arrival(), now + kKilobyte + kMicrosecond);
    const PacketIndex index = port_.take_arrival(pool_);
    lost += pool_[index].lost ? 1 : 0;
    pool_.give_back(index);
  }
  EXPECT_NEAR(lost, kPackets / 10, kPackets / 100);
  EXPECT_EQ(port_.counters().random_losses, static_cast<std::uint64_t>(lost));
}

TEST_F(OutputPortTest, odd_rates_are_exact_to_a_thousandth) {
  settings_.bits_per_second = 33'333'333'333;
  port_.set_up(settings_);
  ASSERT_TRUE(offer(0));
  EXPECT_NEAR(static_cast<double>(port_.next_arrival() - kMicrosecond), 1000 * 8 * 1e12 / 33'333'333'333.0,
              1);
}

}  // namespace
}  // namespace enid::sim
