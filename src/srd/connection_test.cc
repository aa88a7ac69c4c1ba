#include "srd/connection.h"

#include <gtest/gtest.h>

#include "srd/testing/faulty_pair.h"

namespace enid::srd {
namespace {

TEST(Connection, delivers_everything_over_a_good_network) {
  FaultyPair pair(1, {});
  pair.run(2000);
  EXPECT_EQ(pair.violation(), "");
  EXPECT_EQ(pair.delivered(), 4000);
  EXPECT_EQ(pair.ended_delivered(), 4000);
  EXPECT_EQ(pair.side(0).counters().retransmission_timeouts, 0);
}

// Thousands of networks, in parts that run beside each other.
class FaultyNetworks : public testing::TestWithParam<std::uint64_t> {
 public:
  static constexpr std::uint64_t kSeeds = 250;
};

TEST_P(FaultyNetworks, do_not_make_a_connection_break_its_promises) {
  for (std::uint64_t seed = GetParam(); seed < GetParam() + kSeeds; ++seed) {
    Random random(seed);
    FaultyPair pair(seed, Faults::by_chance(random));
    pair.run(300);
    ASSERT_EQ(pair.violation(), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, FaultyNetworks,
                         testing::Range<std::uint64_t>(1, 8 * FaultyNetworks::kSeeds,
                                                       FaultyNetworks::kSeeds));

TEST(Connection, nothing_forged_or_changed_counts) {
  FaultyPair pair(3, {.corrupted = 200});
  pair.run(1000);
  EXPECT_EQ(pair.violation(), "");
  EXPECT_EQ(pair.delivered(), 2000U);
  EXPECT_GT(pair.dropped(DropReason::kBadTag), 20U);
}

TEST(Connection, a_reboot_ends_what_was_under_way_and_delivers_nothing_twice) {
  FaultyPair pair(5, {.replayed = 100, .reboots = 6});
  pair.run(1000);
  EXPECT_EQ(pair.violation(), "");
  EXPECT_GT(pair.side(0).counters().peer_reboots + pair.side(1).counters().peer_reboots, 0U);
}

TEST(Connection, a_lossy_network_costs_little_and_no_timeouts_of_all) {
  FaultyPair pair(7, {.lost = 10});
  pair.run(3000);
  EXPECT_EQ(pair.violation(), "");
  EXPECT_EQ(pair.ended_delivered(), 6000U);
  EXPECT_LT(pair.side(0).counters().retransmissions, 200U);
}

TEST(Connection, an_idle_one_keeps_less_than_16_KB) {
  FaultyPair pair(1, {});
  pair.run(500);
  Connection connection({.incarnation = 1}, 1);
  EXPECT_LT(connection.bytes(), 16'384U);
}

TEST(Connection, a_message_longer_than_a_datagram_is_refused) {
  Settings settings;
  settings.incarnation = 1;
  Connection connection(settings, 1);
  EXPECT_EQ(connection.send(Instant{}, {.bytes = settings.payload_bytes_max + 1}), SendResult::kTooLong);
}

TEST(Connection, a_full_queue_refuses_and_tells_when_there_is_room) {
  Settings settings;
  settings.incarnation = 1;
  settings.queue_messages = 32;
  Connection connection(settings, 1);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(connection.send(Instant{}, {.bytes = 10}), SendResult::kAccepted);
  EXPECT_EQ(connection.send(Instant{}, {.bytes = 10}), SendResult::kQueueFull);
  EXPECT_EQ(connection.counters().sends_refused_full, 1U);
}

TEST(Connection, a_peer_that_never_answers_is_told_of_and_nothing_waits_for_ever) {
  Settings settings;
  settings.incarnation = 1;
  Connection connection(settings, 1);
  Instant now{};
  connection.send(now, {.token = 9, .bytes = 10});
  Transmission transmission;
  for (int i = 0; i < 1000 && connection.next_timeout() != Instant::never(); ++i) {
    while (connection.poll_transmit(now, transmission)) {
    }
    now = std::max(now, connection.next_timeout());
    connection.on_timeout(now);
  }
  Event event;
  ASSERT_TRUE(connection.poll_event(event));
  EXPECT_EQ(event.kind, Event::Kind::kPeerUnresponsive);
  ASSERT_TRUE(connection.poll_event(event));
  EXPECT_EQ(event.kind, Event::Kind::kNeverSent);
  EXPECT_EQ(event.token, 9U);
  EXPECT_TRUE(connection.is_idle());
}

}  // namespace
}  // namespace enid::srd
