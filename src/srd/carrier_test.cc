#include "srd/carrier.h"

#include <gtest/gtest.h>

#include "srd/message_pool.h"
#include "srd/testing/carrier_world.h"
#include "wire/srd_header.h"

namespace enid::srd {
namespace {

using Kind = EndedMessage::Kind;

TEST(Carrier, begins_the_handshake_with_the_first_message_and_takes_messages_after_it) {
  CarrierWorld world(1);
  EXPECT_EQ(world.send(0, 1, 100), CarrierSend::kNotEstablished);
  world.turns(10);
  EXPECT_EQ(world.send(0, 1, 100), CarrierSend::kTaken);
  EXPECT_EQ(world.send(1, 0, 100), CarrierSend::kTaken);
  world.turns(10);
  EXPECT_EQ(world.arrivals.size(), 2u);
  EXPECT_EQ(world.carrier(0).counters().messages.messages_delivered, 1u);
  EXPECT_EQ(world.carrier(0).counters().messages.messages_received, 1u);
  EXPECT_EQ(world.carrier(0).counters().refused_not_established, 1u);
  EXPECT_EQ(world.wrong, std::vector<std::string>{});
}

TEST(Carrier, carries_every_length_up_to_the_longest) {
  CarrierWorld world(1);
  ASSERT_TRUE(world.establish(0, 1));
  for (const std::size_t bytes :
       {std::size_t{0}, std::size_t{1}, std::size_t{14}, std::size_t{232}, std::size_t{233},
        std::size_t{1000}, std::size_t{4096}, std::size_t{8914}, std::size_t{Carrier::kMessageBytesMax}})
    EXPECT_EQ(world.send(0, 1, bytes), CarrierSend::kTaken) << bytes;
  EXPECT_EQ(world.send(0, 1, Carrier::kMessageBytesMax + 1), CarrierSend::kTooLong);
  world.turns(100);
  EXPECT_EQ(world.arrivals.size(), 9u);
  EXPECT_EQ(world.wrong, std::vector<std::string>{});
}

TEST(Carrier, heeds_the_packet_length_of_the_way_to_a_peer) {
  CarrierWorld world(1);
  ASSERT_TRUE(world.establish(0, 1));
  world.carrier(0).set_peer_mtu(world.carrier(0).peer_at(CarrierWorld::address(1)), 1500);
  EXPECT_EQ(world.send(0, 1, 1500 - 68), CarrierSend::kTaken);
  EXPECT_EQ(world.send(0, 1, 1500 - 67), CarrierSend::kTooLong);
}

TEST(Carrier, refuses_when_memory_is_used_up_and_has_it_all_back_afterwards) {
  CarrierWorld world(1, 2, 4 * MessagePool::kBlockBytes);
  ASSERT_TRUE(world.establish(0, 1));
  world.faults.loss_per_mille = 1000;
  int taken = 0;
  while (world.send(0, 1, 8000) == CarrierSend::kTaken) ++taken;
  EXPECT_EQ(taken, 16);
  EXPECT_EQ(world.carrier(0).counters().refused_no_memory, 1u);
  EXPECT_EQ(world.carrier(0).utilization_percent(), 100u);
  world.faults.loss_per_mille = 0;
  world.turns(1000);
  EXPECT_EQ(world.carrier(0).utilization_percent(), 0u);
  EXPECT_EQ(world.arrivals.size(), 16u);
}

TEST(Carrier, tells_the_sender_that_its_message_was_refused) {
  CarrierWorld world(1);
  ASSERT_TRUE(world.establish(0, 1));
  world.refuse_with = 9;
  ASSERT_EQ(world.send(0, 1, 100), CarrierSend::kTaken);
  world.turns(200);
  EXPECT_EQ(world.ends[Kind::kRefused], 1);
  EXPECT_EQ(world.carrier(1).counters().messages.messages_declined, 1u);
  EXPECT_EQ(world.carrier(0).utilization_percent(), 0u);
}

TEST(Carrier, drops_and_counts_what_strangers_send_and_what_is_no_datagram) {
  CarrierWorld world(1);
  ASSERT_TRUE(world.establish(0, 1));
  struct Nobody : CarrierReceiver {
    std::uint8_t on_message(Instant, PeerHandle, const MessageFacts&, Bytes) override { return 0; }
  } nobody;
  std::array<std::uint8_t, 40> bytes{};
  Carrier& carrier = world.carrier(1);
  const auto arrive = [&](Ipv4Address from, std::size_t length) {
    carrier.on_datagram(world.now,
                        {.from = from, .channel = fabric::Channel::kSrd, .bytes = Bytes(bytes).first(length)},
                        nobody);
  };
  arrive(CarrierWorld::address(0), 0);
  arrive(CarrierWorld::address(0), 40);
  EXPECT_EQ(carrier.counters().dropped_malformed, 2u);
  wire::SrdDatagram datagram;
  datagram.header = {.type = wire::SrdType::kData, .context = 77};
  datagram.write(bytes);
  arrive({0x01020304}, 32);
  EXPECT_EQ(carrier.counters().dropped_stranger, 1u);
  arrive(CarrierWorld::address(0), 32);
  EXPECT_EQ(carrier.counters().misdirected, 1u);
  EXPECT_EQ(carrier.counters().dropped[static_cast<std::size_t>(DropReason::kUnknownContext)], 1u);
}

TEST(Carrier, delivers_nothing_of_before_to_a_card_that_rebooted_and_goes_on) {
  CarrierWorld world(1);
  ASSERT_TRUE(world.establish(0, 1));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(world.send(0, 1, 1000), CarrierSend::kTaken);
  world.carrier(0).transmit(world.now);
  world.boot(1);
  world.turns(3000);
  EXPECT_EQ(world.ends[Kind::kUnknown], 20);
  EXPECT_TRUE(world.arrivals.empty());
  ASSERT_TRUE(world.establish(0, 1));
  ASSERT_EQ(world.send(0, 1, 1000), CarrierSend::kTaken);
  world.turns(20);
  EXPECT_EQ(world.arrivals.size(), 1u);
}

TEST(Carrier, speaks_only_by_a_new_key_when_the_key_is_changed) {
  CarrierWorld world(1);
  ASSERT_TRUE(world.establish(0, 1));
  ASSERT_EQ(world.send(0, 1, 1000), CarrierSend::kTaken);
  world.carrier(0).set_peer(world.now, CarrierWorld::address(1), {5, 6});
  EXPECT_EQ(world.carrier(0).counters().messages.messages_never_sent, 1u);
  EXPECT_EQ(world.send(0, 1, 1000), CarrierSend::kNotEstablished);
  world.turns(1000);
  EXPECT_EQ(world.send(0, 1, 1000), CarrierSend::kNotEstablished);
  EXPECT_GT(world.carrier(1).counters().dropped[static_cast<std::size_t>(DropReason::kBadTag)], 0u);
  world.carrier(1).set_peer(world.now, CarrierWorld::address(0), {5, 6});
  EXPECT_TRUE(world.establish(0, 1));
}

TEST(Carrier, forgets_a_removed_peer_and_its_handle) {
  CarrierWorld world(1, 3);
  ASSERT_TRUE(world.establish(0, 1));
  Carrier& carrier = world.carrier(0);
  const PeerHandle old = carrier.peer_at(CarrierWorld::address(1));
  ASSERT_EQ(world.send(0, 1, 1000), CarrierSend::kTaken);
  carrier.remove_peer(world.now, CarrierWorld::address(1));
  EXPECT_EQ(carrier.peer_at(CarrierWorld::address(1)), kNoPeer);
  EXPECT_EQ(carrier.send(world.now, old, {}, {}, {}), CarrierSend::kNotEstablished);
  const PeerHandle other = carrier.set_peer(world.now, {0xc0000299}, {1, 1});
  EXPECT_NE(other, old);
  EXPECT_EQ(carrier.send(world.now, old, {}, {}, {}), CarrierSend::kNotEstablished);
  world.turns(10);
  // The goodbye arrived: the other side does not wait for its timeout.
  EXPECT_FALSE(world.carrier(1).is_established(world.carrier(1).peer_at(CarrierWorld::address(0))));
}

TEST(Carrier, refuses_more_peers_than_its_bound) {
  fabric::MemoryNetwork network;
  fabric::MemoryUnderlay underlay(network, {1});
  Carrier carrier({.settings = host_settings(1'000'000'000), .incarnation = 1, .peers_max = 2}, underlay);
  EXPECT_NE(carrier.set_peer(Instant{}, {2}, {}), kNoPeer);
  EXPECT_NE(carrier.set_peer(Instant{}, {3}, {}), kNoPeer);
  EXPECT_EQ(carrier.set_peer(Instant{}, {4}, {}), kNoPeer);
  carrier.remove_peer(Instant{}, {2});
  EXPECT_NE(carrier.set_peer(Instant{}, {4}, {}), kNoPeer);
}

TEST(Carrier, lets_datagrams_of_one_path_follow_each_other) {
  CarrierWorld world(1);
  ASSERT_TRUE(world.establish(0, 1));
  // A network that was seen to carry much: on slow ones trains are shorter.
  for (int i = 0; i < 500; ++i) {
    for (int n = 0; n < 3; ++n) (void)world.send(0, 1, 8000);
    world.turn();
  }
  world.turns(100);
  // What leaves is looked at where it arrives: a memory network keeps the order.
  for (int i = 0; i < 21; ++i) ASSERT_EQ(world.send(0, 1, 8000), CarrierSend::kTaken);
  world.carrier(0).transmit(world.now);
  std::vector<std::uint8_t> slots;
  for (const auto& datagram : world.underlay(1).waiting) slots.push_back(datagram.bytes[12]);
  ASSERT_GE(slots.size(), 14u);
  for (std::size_t i = 0; i < 14; ++i) EXPECT_EQ(slots[i], slots[i / 7 * 7]) << i;
  EXPECT_NE(slots[0], slots[7]);
}

TEST(Carrier, says_goodbye_when_it_is_closed) {
  CarrierWorld world(1);
  ASSERT_TRUE(world.establish(0, 1));
  world.carrier(0).close(world.now);
  world.turns(3);
  EXPECT_FALSE(world.carrier(1).is_established(world.carrier(1).peer_at(CarrierWorld::address(0))));
}

// Three cards, every fault, reboots, changed keys: nothing twice, nothing altered, every message one end, all
// memory back.
TEST(Carrier, keeps_its_promises_whatever_the_network_does) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CarrierWorld world(seed, 3, 40 * MessagePool::kBlockBytes);
    world.faults = {.loss_per_mille = static_cast<std::uint32_t>(world.random.below(100)),
                    .double_per_mille = static_cast<std::uint32_t>(world.random.below(50)),
                    .damage_per_mille = static_cast<std::uint32_t>(world.random.below(20)),
                    .disorder_per_mille = static_cast<std::uint32_t>(world.random.below(200)),
                    .full_per_mille = static_cast<std::uint32_t>(world.random.below(300))};
    PairKey key = CarrierWorld::key(0, 1);
    for (int i = 0; i < 400; ++i) {
      const std::uint64_t what = world.random.below(1000);
      const std::size_t from = world.random.below(3);
      const std::size_t to = (from + 1 + world.random.below(2)) % 3;
      if (what < 1) {
        world.boot(from);
        if (from < 2) world.carrier(from).set_peer(world.now, CarrierWorld::address(1 - from), key);
      } else if (what < 3) {
        key[0] = world.random.next();
        world.carrier(0).set_peer(world.now, CarrierWorld::address(1), key);
        world.carrier(1).set_peer(world.now, CarrierWorld::address(0), key);
      } else {
        for (std::uint64_t n = world.random.below(20); n > 0; --n)
          (void)world.send(from, to, world.random.below(n % 4 == 0 ? Carrier::kMessageBytesMax + 1 : 500));
      }
      world.turns(static_cast<int>(world.random.below(4)));
    }
    world.faults = {};
    world.turns(3000);
    EXPECT_EQ(world.wrong, std::vector<std::string>{}) << "seed " << seed;
    EXPECT_GT(world.arrivals.size(), 100u) << "seed " << seed;
    for (std::size_t card = 0; card < 3; ++card) {
      const PeerCounters& m = world.carrier(card).counters().messages;
      EXPECT_EQ(m.messages_taken,
                m.messages_delivered + m.messages_refused + m.messages_unknown + m.messages_never_sent)
          << "seed " << seed;
      EXPECT_EQ(world.carrier(card).utilization_percent(), 0u) << "seed " << seed;
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace enid::srd
