#include "flow/connection_table.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace enid::flow {
namespace {

using enum ConnectionState;
namespace tcp_flag = wire::tcp_flag;
using Touch = ConnectionTable::Touch;

constexpr ConnectionTimeouts kTimeouts = connection_timeouts(
    Duration::from_seconds(432'000), Duration::from_seconds(180), Duration::from_seconds(30));
constexpr Instant kStart{1'000'000'000};

FlowKey key_of(std::uint32_t number, std::uint32_t interface = 1) {
  return {number, 0x0a000001, 7, 9, FlowKey::scope_of(interface, 17)};
}

TEST(ConnectionState, follows_a_tcp_connection_from_handshake_to_end) {
  constexpr std::uint8_t kSynAck = tcp_flag::kSyn | tcp_flag::kAck;
  constexpr std::uint8_t kFinAck = tcp_flag::kFin | tcp_flag::kAck;
  ConnectionState state = kTcpSynSent;
  const auto step = [&](bool from_initiator, std::uint8_t flags) {
    const ConnectionStep next = connection_step(state, from_initiator, flags);
    EXPECT_FALSE(next.refused);
    return state = next.state;
  };
  EXPECT_EQ(step(true, tcp_flag::kSyn), kTcpSynSent);
  EXPECT_EQ(step(false, kSynAck), kTcpSynAnswered);
  EXPECT_EQ(step(true, tcp_flag::kAck), kTcpEstablished);
  EXPECT_EQ(step(false, tcp_flag::kAck), kTcpEstablished);
  EXPECT_EQ(step(false, kFinAck), kTcpResponderDone);
  EXPECT_EQ(step(true, tcp_flag::kAck), kTcpResponderDone);
  EXPECT_EQ(step(true, kFinAck), kTcpClosed);
  EXPECT_EQ(step(false, tcp_flag::kAck), kTcpClosed);
}

TEST(ConnectionState, a_reset_ends_it_and_a_new_syn_is_another_connection) {
  EXPECT_EQ(connection_step(kTcpEstablished, false, tcp_flag::kRst).state, kTcpClosed);
  EXPECT_TRUE(connection_step(kTcpClosed, true, tcp_flag::kSyn).refused);
  EXPECT_TRUE(connection_step(kTcpEstablished, true, tcp_flag::kSyn).refused);
  EXPECT_TRUE(connection_step(kTcpSynSent, false, tcp_flag::kSyn).refused);
}

TEST(ConnectionState, udp_is_a_stream_after_the_second_answer) {
  ConnectionState state = kUdpAsked;
  for (const bool from_initiator : {true, false, false, true}) {
    state = connection_step(state, from_initiator, 0).state;
    EXPECT_NE(state, kUdpStream);
  }
  EXPECT_EQ(connection_step(state, false, 0).state, kUdpStream);
}

TEST(ConnectionState, no_state_leaves_closed_without_a_rule) {
  for (int flags = 0; flags < 256; ++flags)
    for (const bool from_initiator : {true, false})
      EXPECT_EQ(connection_step(kTcpClosed, from_initiator, static_cast<std::uint8_t>(flags)).state,
                kTcpClosed);
}

TEST(ConnectionTable, an_idle_connection_expires_and_a_used_one_does_not) {
  ConnectionTable table(100, 1);
  const ConnectionRef ref = table.create(key_of(1), true, kUdpAsked, kTimeouts, kStart);
  const Instant later = kStart + Duration::from_seconds(29);
  EXPECT_EQ(table.touch(ref, true, 0, kTimeouts, later), Touch::kMoving);
  EXPECT_TRUE(table.find(key_of(1), later + Duration::from_seconds(30)));
  EXPECT_FALSE(table.find(key_of(1), later + Duration::from_seconds(31)));
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.touch(ref, true, 0, kTimeouts, later), Touch::kRefused);
}

TEST(ConnectionTable, an_old_reference_does_not_find_a_new_connection_in_its_slot) {
  ConnectionTable table(100, 1);
  const ConnectionRef old_ref = table.create(key_of(1), true, kUdpAsked, kTimeouts, kStart);
  table.erase(old_ref);
  const ConnectionRef new_ref = table.create(key_of(2), true, kUdpAsked, kTimeouts, kStart);
  ASSERT_EQ(new_ref.slot, old_ref.slot);
  EXPECT_EQ(table.touch(old_ref, true, 0, kTimeouts, kStart), Touch::kRefused);
  EXPECT_EQ(table.touch(new_ref, true, 0, kTimeouts, kStart), Touch::kMoving);
}

TEST(ConnectionTable, one_interface_cannot_take_more_than_half) {
  ConnectionTable table(100, 1);
  for (std::uint32_t i = 0; i < 50; ++i)
    ASSERT_TRUE(table.create(key_of(i, 1), true, kOther, kTimeouts, kStart));
  EXPECT_FALSE(table.create(key_of(50, 1), true, kOther, kTimeouts, kStart));
  EXPECT_TRUE(table.create(key_of(50, 2), true, kOther, kTimeouts, kStart));
  table.erase_interface(1);
  EXPECT_EQ(table.count(1), 0u);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_TRUE(table.find(key_of(50, 2), kStart));
}

TEST(ConnectionTable, a_full_table_makes_room_from_what_has_expired) {
  ConnectionTable table(4, 1);
  for (std::uint32_t i = 0; i < 4; ++i)
    ASSERT_TRUE(table.create(key_of(i, i), true, kUdpAsked, kTimeouts, kStart));
  EXPECT_FALSE(table.create(key_of(9, 9), true, kUdpAsked, kTimeouts, kStart));
  EXPECT_TRUE(table.create(key_of(9, 9), true, kUdpAsked, kTimeouts, kStart + Duration::from_seconds(31)));
}

// Against a std::map of key -> expiry.
TEST(ConnectionTable, agrees_with_a_map) {
  Random random(12);
  ConnectionTable table(1000, 2);
  std::map<std::uint32_t, Instant> reference;
  Instant now = kStart;
  for (int step = 0; step < 100'000; ++step) {
    now = now + Duration::from_milliseconds(static_cast<std::int64_t>(random.below(200)));
    const auto number = static_cast<std::uint32_t>(random.below(600));
    const FlowKey key = key_of(number, number % 3);
    const ConnectionRef found = table.find(key, now);
    const auto known = reference.find(number);
    const bool alive = known != reference.end() && known->second >= now;
    ASSERT_EQ(static_cast<bool>(found), alive) << step;
    switch (random.below(4)) {
      case 0:
        if (found) break;
        ASSERT_TRUE(table.create(key, true, kUdpAsked, kTimeouts, now));
        reference[number] = now + Duration::from_seconds(30);
        break;
      case 1:
        if (!found) break;
        ASSERT_EQ(table.touch(found, true, 0, kTimeouts, now), Touch::kMoving);
        reference[number] = now + Duration::from_seconds(30);
        break;
      case 2:
        table.erase(found);
        reference.erase(number);
        break;
      default:
        table.sweep(random.below(10), now);
    }
  }
  std::size_t total = 0;
  for (std::uint32_t interface = 0; interface < 3; ++interface) total += table.count(interface);
  EXPECT_EQ(total, table.size());
}

}  // namespace
}  // namespace enid::flow
