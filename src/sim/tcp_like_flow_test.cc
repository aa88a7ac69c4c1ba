#include "sim/tcp_like_flow.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "base/random.h"

namespace enid::sim {
namespace {

constexpr std::uint32_t kPackets = 100;

// A sender and its receiver with a wire of 5 us each way that loses what the test says.
class TcpLikeFlowTest : public testing::Test {
 protected:
  TcpLikeFlowTest() : flows_(one_flow(), 1000, 0), sender_(0, kPackets, Sender::kDctcp, settings()) {}

  static std::vector<Flow> one_flow() {
    Flow flow;
    flow.bytes = kPackets * 1000;
    flow.sender = Sender::kDctcp;
    return {flow};
  }
  static TcpLikeSettings settings() { return {10, kMillisecond}; }

  std::vector<TcpLikeHeader> send_all() {
    std::vector<TcpLikeHeader> sent;
    TcpLikeHeader header;
    while (sender_.poll_transmit(now_, header, flows_)) sent.push_back(header);
    return sent;
  }
  // A round trip: everything that may go goes, what is not lost arrives and is acknowledged.
  void round(const std::set<std::uint32_t>& lost_transmissions = {}, bool acknowledgements_lost = false) {
    const std::vector<TcpLikeHeader> sent = send_all();
    now_ += 10 * kMicrosecond;
    for (const TcpLikeHeader& header : sent) {
      if (lost_transmissions.contains(header.transmission)) continue;
      bool first = false;
      const TcpLikeHeader answer = receiver_.on_packet(header, false, first);
      if (first) flows_.on_delivered(now_, 0, header.sequence);
      if (!acknowledgements_lost) sender_.on_acknowledgement(now_, answer, flows_);
    }
  }
  void finish() {
    for (int i = 0; i < 1000 && !sender_.is_finished(); ++i) round();
    EXPECT_TRUE(flows_.all_finished());
    EXPECT_EQ(flows_.violations(), 0U);
    EXPECT_EQ(sender_.deadline(), kNever);
  }

  Picoseconds now_ = 0;
  FlowTable flows_;
  TcpLikeSender sender_;
  TcpLikeReceiver receiver_{kPackets};
};

TEST_F(TcpLikeFlowTest, without_losses_nothing_is_sent_twice) {
  finish();
  EXPECT_EQ(flows_[0].retransmissions, 0U);
}

TEST_F(TcpLikeFlowTest, a_lost_packet_is_sent_again_when_three_later_ones_arrived) {
  round({0});
  EXPECT_EQ(flows_[0].retransmissions, 0U);
  round();
  EXPECT_EQ(flows_[0].retransmissions, 1U);
  finish();
  EXPECT_EQ(flows_[0].retransmissions, 1U);
  EXPECT_EQ(flows_[0].timeouts, 0U);
}

TEST_F(TcpLikeFlowTest, a_lost_retransmission_is_noticed_by_the_packets_behind_it) {
  round({0});
  round({10});  // The first packet of this round is the retransmission.
  finish();
  EXPECT_EQ(flows_[0].retransmissions, 2U);
  EXPECT_EQ(flows_[0].timeouts, 0U);
}

TEST_F(TcpLikeFlowTest, lost_acknowledgements_cost_nothing_when_later_ones_come) {
  round({}, true);
  EXPECT_EQ(flows_[0].datagrams_acknowledged, 0U);
  now_ = sender_.deadline();
  sender_.on_deadline(now_, flows_);
  round();
  EXPECT_GT(flows_[0].datagrams_acknowledged, 8U);  // The cumulative number speaks for all of them.
  finish();
}

TEST_F(TcpLikeFlowTest, a_lost_tail_waits_for_the_timeout_and_each_repetition_waits_longer) {
  for (int i = 0; i < 3; ++i) round();
  const std::vector<TcpLikeHeader> tail = send_all();
  ASSERT_FALSE(tail.empty());
  const Picoseconds first = sender_.deadline();
  EXPECT_GE(first - now_, kMillisecond - 10 * kMicrosecond);
  sender_.on_deadline(first - 1, flows_);
  EXPECT_EQ(flows_[0].timeouts, 0U);
  now_ = first;
  sender_.on_deadline(now_, flows_);
  EXPECT_EQ(flows_[0].timeouts, 1U);
  ASSERT_EQ(send_all().size(), 1U);  // The window is one packet now.
  EXPECT_GE(sender_.deadline() - now_, 2 * kMillisecond);
  now_ = sender_.deadline();
  sender_.on_deadline(now_, flows_);
  finish();
}

TEST_F(TcpLikeFlowTest, finishes_whatever_is_lost) {
  Random random(3);
  for (int i = 0; i < 100'000 && !sender_.is_finished(); ++i) {
    std::set<std::uint32_t> lost;
    for (std::uint32_t transmission = 0; transmission < 2000; ++transmission) {
      if (random.below(3) == 0) lost.insert(transmission);
    }
    round(lost, random.below(5) == 0);
    if (sender_.deadline() != kNever && random.below(4) == 0) {
      now_ = std::max(now_, sender_.deadline());
      sender_.on_deadline(now_, flows_);
    }
  }
  EXPECT_TRUE(flows_.all_finished());
  EXPECT_EQ(flows_.violations(), 0U);
}

}  // namespace
}  // namespace enid::sim
