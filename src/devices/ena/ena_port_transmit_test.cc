// What the guest sends: stories of its transmit rings.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "devices/ena/ring_driver.h"

namespace enid::devices::ena {
namespace {

using Sending = RingDriver::Sending;

constexpr std::uint16_t kTwoQueues[] = {0, 1};

std::vector<std::uint8_t> packet_of(std::size_t bytes, unsigned seed = 1) {
  std::vector<std::uint8_t> packet(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    seed = seed * 1664525 + 1013904223;
    packet[i] = static_cast<std::uint8_t>(seed >> 24);
  }
  packet[12] = packet[13] = 0x99;  // Of no protocol.
  return packet;
}

std::vector<std::uint8_t> copy_of(ConstBytes bytes) { return {bytes.begin(), bytes.end()}; }

TEST(EnaTransmit, a_packet_of_one_buffer_arrives_and_is_completed) {
  RingDriver driver;
  driver.make_pair(0);
  const auto packet = packet_of(60);
  EXPECT_FALSE(driver.port->has_work());
  const std::uint16_t id = driver.send(0, packet);
  EXPECT_TRUE(driver.port->has_work());
  const auto frames = driver.poll();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(copy_of(frames[0].bytes), packet);
  const auto completions = driver.transmitted(0);
  ASSERT_EQ(completions.size(), 1u);
  EXPECT_EQ(completions[0].request_id, id);
  EXPECT_EQ(completions[0].status, 0);
  EXPECT_EQ(completions[0].head, 1);
  EXPECT_EQ(driver.poll().size(), 0u);
  EXPECT_FALSE(driver.port->has_work());
  EXPECT_EQ(driver.port->transmit_statistics(0).packets, 1u);
  EXPECT_EQ(driver.port->transmit_statistics(0).bytes, 60u);
}

TEST(EnaTransmit, half_a_packet_waits_for_its_other_half_without_being_work) {
  RingDriver driver;
  driver.make_pair(0);
  const auto packet = packet_of(300);
  driver.send(0, packet, {.cuts = {100, 100}, .rings = false});
  driver.write_word(transmit_doorbell(0), 2);
  EXPECT_TRUE(driver.port->has_work());
  EXPECT_EQ(driver.poll().size(), 0u);
  EXPECT_FALSE(driver.port->has_work());
  EXPECT_TRUE(driver.transmitted(0).empty());
  driver.ring_transmit(0);
  EXPECT_TRUE(driver.port->has_work());
  const auto frames = driver.poll();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(copy_of(frames[0].bytes), packet);
}

TEST(EnaTransmit, a_batch_ends_with_the_callers_room_and_the_rest_comes_next) {
  RingDriver driver;
  driver.make_pair(0, 256);
  for (int i = 0; i < 100; ++i) driver.send(0, packet_of(60, static_cast<unsigned>(i)));
  EXPECT_EQ(driver.poll().size(), 64u);
  EXPECT_TRUE(driver.port->has_work());
  EXPECT_EQ(driver.poll().size(), 36u);
}

TEST(EnaTransmit, a_batch_ends_with_the_arena) {
  RingDriver driver;
  driver.make_pair(0);
  const auto packet = packet_of(65'000);
  for (int i = 0; i < 8; ++i) driver.send(0, packet);
  EXPECT_EQ(driver.poll().size(), 5u);
  const auto frames = driver.poll();
  ASSERT_EQ(frames.size(), 3u);
  for (const auto& frame : frames) EXPECT_EQ(copy_of(frame.bytes), packet);
}

TEST(EnaTransmit, queues_take_turns_when_all_of_them_are_full) {
  RingDriver driver;
  driver.make_pair(0, 256);
  driver.make_pair(1, 256);
  for (const std::uint16_t q : kTwoQueues)
    for (int i = 0; i < 128; ++i) driver.send(q, packet_of(60));
  driver.poll();
  driver.poll();
  EXPECT_EQ(driver.port->transmit_statistics(0).packets, 64u);
  EXPECT_EQ(driver.port->transmit_statistics(1).packets, 64u);
}

TEST(EnaTransmit, a_pushed_packet_needs_no_buffer) {
  RingDriver driver;
  driver.make_pair(0, 64, Placement::kLowLatency);
  const auto packet = packet_of(60);
  driver.send(0, packet, {.pushed = 60});
  const auto frames = driver.poll();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(copy_of(frames[0].bytes), packet);
}

TEST(EnaTransmit, the_link_down_takes_packets_and_carries_none) {
  RingDriver driver;
  driver.make_pair(0);
  driver.port->set_link(false);
  driver.send(0, packet_of(60));
  EXPECT_EQ(driver.poll().size(), 0u);
  EXPECT_EQ(driver.transmitted(0).size(), 1u);
  EXPECT_EQ(driver.port->statistics().transmit_drops, 1u);
}

TEST(EnaTransmit, a_packet_too_long_for_any_frame_is_completed_and_dropped) {
  RingDriver driver;
  driver.make_pair(0);
  driver.send(0, packet_of(70'000));
  driver.send(0, packet_of(60));
  EXPECT_EQ(driver.poll().size(), 1u);
  EXPECT_EQ(driver.transmitted(0).size(), 2u);
  EXPECT_EQ(driver.port->statistics().transmit_drops, 1u);
  EXPECT_FALSE(driver.port->is_broken());
}

TEST(EnaTransmit, a_packet_shorter_than_its_ethernet_header_is_dropped) {
  RingDriver driver;
  driver.make_pair(0);
  driver.send(0, ConstBytes(packet_of(14)).first(13));
  EXPECT_EQ(driver.poll().size(), 0u);
  EXPECT_EQ(driver.transmitted(0).size(), 1u);
}

TEST(EnaTransmit, rings_behind_a_virtual_iommu_lie_in_pieces) {
  RingDriver driver;
  driver.share_memory(4096);
  driver.make_pair(0, 1024);
  const auto packet = packet_of(9'000);
  for (int i = 0; i < 3'000; ++i) {
    driver.send(0, packet, {.cuts = {100, 4'100}});
    const auto frames = driver.poll();
    ASSERT_EQ(frames.size(), 1u);
    ASSERT_EQ(copy_of(frames[0].bytes), packet);
    ASSERT_EQ(driver.transmitted(0).size(), 1u);
  }
}

// Any packets, cut anyhow, in both placements: what comes out is what went in.
class EnaTransmitPlacement : public testing::TestWithParam<Placement> {};
INSTANTIATE_TEST_SUITE_P(Both, EnaTransmitPlacement,
                         testing::Values(Placement::kHost, Placement::kLowLatency));

TEST_P(EnaTransmitPlacement, random_packets_come_out_byte_by_byte) {
  Random random(7);
  RingDriver driver;
  driver.make_pair(0, 64, GetParam());
  driver.make_pair(1, 32, GetParam());
  for (int round = 0; round < 3'000; ++round) {
    std::vector<std::vector<std::uint8_t>> sent[2];
    for (const std::uint16_t q : kTwoQueues) {
      for (std::uint64_t left = random.below(3); left > 0; --left) {
        Sending how;
        if (random.below(3) == 0) how.segment_bytes = static_cast<std::uint16_t>(random.below(16'384));
        const std::size_t bytes = 14 + random.below(random.below(20) == 0 ? 60'000 : 2'000);
        if (GetParam() == Placement::kLowLatency)
          how.pushed = std::min<std::size_t>(bytes, random.below(kHeaderBytesMax + 1));
        for (std::uint64_t pieces = random.below(9); pieces > 0; --pieces)
          how.cuts.push_back(1 + random.below(bytes));
        sent[q].push_back(packet_of(bytes, static_cast<unsigned>(random.next())));
        driver.send(q, sent[q].back(), how);
      }
    }
    std::size_t at[2] = {};
    for (const auto& frame : driver.poll()) {
      // Each queue keeps its order; which of them goes first may change.
      const bool is_of_first = at[0] < sent[0].size() && copy_of(frame.bytes) == sent[0][at[0]];
      const std::size_t q = is_of_first ? 0 : 1;
      ASSERT_LT(at[q], sent[q].size());
      ASSERT_EQ(copy_of(frame.bytes), sent[q][at[q]]);
      ++at[q];
    }
    for (const std::uint16_t q : kTwoQueues) {
      ASSERT_EQ(at[q], sent[q].size());
      ASSERT_EQ(driver.transmitted(q).size(), sent[q].size());
    }
  }
  EXPECT_FALSE(driver.port->is_broken());
}

TEST_P(EnaTransmitPlacement, a_tail_wraps_around_sixteen_bits) {
  RingDriver driver;
  driver.make_pair(0, 32, GetParam());
  const auto packet = packet_of(60);
  for (int i = 0; i < 70'000; ++i) {
    driver.send(0, packet);
    ASSERT_EQ(driver.poll().size(), 1u);
    ASSERT_EQ(driver.transmitted(0).size(), 1u);
  }
}

TEST_P(EnaTransmitPlacement, a_port_that_begins_anew_goes_on_where_the_old_one_was) {
  RingDriver driver;
  driver.make_pair(0, 32, GetParam());
  for (int i = 0; i < 40; ++i) {
    driver.send(0, packet_of(60));
    driver.poll();
    driver.transmitted(0);
  }
  driver.send(0, packet_of(61));
  driver.start_port();
  driver.attach_pair(0, true);
  EXPECT_TRUE(driver.port->has_work());
  const auto frames = driver.poll();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(copy_of(frames[0].bytes), packet_of(61));
  ASSERT_EQ(driver.transmitted(0).size(), 1u);
}

// --- Broken rules ---

struct BrokenRule {
  const char* name;
  void (*break_it)(RingDriver& driver);
  const char* because;
};

TransmitDescriptor descriptor_of(std::uint64_t address, std::uint32_t bytes, bool is_last = true,
                                 std::uint16_t id = 0) {
  TransmitDescriptor descriptor;
  descriptor.length_control = bytes | (is_last ? 1u << 27 : 0) | (id >> 10 & 0x3fu) << 16;
  descriptor.meta_control = (id & 0x3ffu) << 22;
  descriptor.address_low = static_cast<std::uint32_t>(address);
  descriptor.address_high_header = static_cast<std::uint32_t>(address >> 32);
  return descriptor;
}

void send_chain(RingDriver& driver, std::vector<TransmitDescriptor> chain) {
  driver.put_chain(0, chain);
  driver.ring_transmit(0);
}

TEST(EnaTransmit, a_request_id_is_the_drivers_own_word) {
  RingDriver driver;
  driver.make_pair(0);
  for (const std::uint16_t id : std::initializer_list<std::uint16_t>{0, 4, 64, 1023, 1024, 0xffff}) {
    send_chain(driver, {descriptor_of(RingDriver::kBase, 60, true, id)});
    EXPECT_EQ(driver.poll().size(), 1u);
    const auto completions = driver.transmitted(0);
    ASSERT_EQ(completions.size(), 1u);
    EXPECT_EQ(completions[0].request_id, id);
  }
}

const BrokenRule kBrokenRules[] = {
    {"a_doorbell_beyond_the_ring", [](RingDriver& driver) { driver.write_word(transmit_doorbell(0), 65); },
     "a transmit doorbell is further than the ring is deep"},
    {"a_doorbell_behind_the_head",
     [](RingDriver& driver) { driver.write_word(transmit_doorbell(0), 0xffff); },
     "a transmit doorbell is further than the ring is deep"},
    {"a_buffer_outside_memory", [](RingDriver& driver) { send_chain(driver, {descriptor_of(0x100, 60)}); },
     "a transmit buffer is not in memory"},
    {"a_buffer_across_the_end_of_memory",
     [](RingDriver& driver) {
       send_chain(driver, {descriptor_of(RingDriver::kBase + RingDriver::kMemoryBytes - 59, 60)});
     },
     "a transmit buffer is not in memory"},
    {"a_descriptor_of_no_bytes",
     [](RingDriver& driver) { send_chain(driver, {descriptor_of(RingDriver::kBase, 0)}); },
     "a transmit descriptor of no bytes"},
    {"too_many_descriptors",
     [](RingDriver& driver) {
       std::vector<TransmitDescriptor> chain(18, descriptor_of(RingDriver::kBase, 60, false));
       chain.push_back(descriptor_of(RingDriver::kBase, 60));
       send_chain(driver, chain);
     },
     "a packet of too many descriptors"},
    {"nothing_but_meta_descriptors",
     [](RingDriver& driver) {
       send_chain(driver, std::vector<TransmitDescriptor>(20, RingDriver::meta(1'000)));
     },
     "a packet of too many descriptors"},
    {"a_meta_descriptor_amid_a_packet",
     [](RingDriver& driver) {
       send_chain(driver, {descriptor_of(RingDriver::kBase, 60, false), RingDriver::meta(1'000)});
     },
     "a meta descriptor in the middle of a packet"},
    {"a_ring_outside_memory",
     [](RingDriver& driver) {
       driver.port->create_submission_queue({0, Direction::kTransmit, Placement::kHost, 64, 0x1000, 0});
       driver.write_word(transmit_doorbell(0), 1);
     },
     "a transmit ring is not in memory"},
    {"a_ring_that_is_not_aligned",
     [](RingDriver& driver) {
       driver.port->create_submission_queue(
           {0, Direction::kTransmit, Placement::kHost, 64, RingDriver::kBase + 8, 0});
       driver.write_word(transmit_doorbell(0), 1);
     },
     "a transmit ring is not in memory"},
    {"a_completion_ring_outside_memory",
     [](RingDriver& driver) {
       driver.port->create_completion_queue({0, 64, 8, 0x1000, 1});
       driver.send(0, packet_of(60));
     },
     "a completion ring is not in memory"},
    {"a_pushed_header_beyond_its_room",
     [](RingDriver& driver) {
       driver.make_pair(0, 64, Placement::kLowLatency);
       TransmitDescriptor descriptor = descriptor_of(RingDriver::kBase, 60);
       descriptor.address_high_header |= 97u << 24;
       send_chain(driver, {descriptor});
     },
     "a pushed header is longer than its room"},
};

class EnaTransmitRule : public testing::TestWithParam<BrokenRule> {};
INSTANTIATE_TEST_SUITE_P(Broken, EnaTransmitRule, testing::ValuesIn(kBrokenRules),
                         [](const auto& test) { return test.param.name; });

TEST_P(EnaTransmitRule, breaks_the_port_until_its_reset) {
  RingDriver driver;
  driver.make_pair(0);
  driver.make_pair(1);
  GetParam().break_it(driver);
  driver.poll();
  EXPECT_TRUE(driver.port->is_broken());
  EXPECT_STREQ(driver.port->statistics().broken_because, GetParam().because);
  driver.send(1, packet_of(60));
  EXPECT_FALSE(driver.port->has_work());
  EXPECT_EQ(driver.poll().size(), 0u);
  driver.port->reset();
  EXPECT_FALSE(driver.port->is_broken());
  driver.make_pair(0);
  driver.send(0, packet_of(60));
  EXPECT_EQ(driver.poll().size(), 1u);
}

TEST(EnaTransmit, a_guest_that_rewrites_its_rings_while_they_are_read_hurts_nobody) {
  RingDriver driver;
  driver.make_pair(0, 64);
  driver.make_pair(1, 64, Placement::kLowLatency);
  std::atomic<bool> is_over{false};
  std::thread guest([&] {
    Random random(3);
    while (!is_over) {
      const auto q = static_cast<std::uint16_t>(random.below(2));
      std::uint8_t* const ring =
          q == 0 ? driver.at(driver.pairs[0].transmit_ring) : driver.bar().data() + kLowLatencyQueueBytes;
      auto* const words = reinterpret_cast<std::uint32_t*>(ring);
      for (int i = 0; i < 16; ++i) {
        const std::size_t at = random.below(256);
        std::uint32_t value = static_cast<std::uint32_t>(random.next());
        if (at % 4 == 0) value &= random.below(4) == 0 ? 0x0fff'00ffu : 0x0800'00ffu;
        if (at % 4 == 1) value &= 0x0fff'ffffu;  // The request id.
        if (at % 4 == 2) value = static_cast<std::uint32_t>(RingDriver::kBase + random.below(1u << 22));
        if (at % 4 == 3) value &= 0x3f00'0000u;
        std::atomic_ref(words[at]).store(value, std::memory_order_relaxed);
      }
      auto* const bell = reinterpret_cast<std::uint32_t*>(driver.page().data() + transmit_doorbell(q));
      std::atomic_ref(*bell).store(static_cast<std::uint32_t>(random.below(65)));
    }
  });
  const auto carried = [&] { return driver.port->statistics().transmitted_packets; };
  for (int round = 0; round < 50'000 || (carried() == 0 && round < 50'000'000); ++round) {
    for (const auto& frame : driver.poll()) ASSERT_LE(frame.bytes.size(), TransmitQueue::kFrameBytesMax);
    if (!driver.port->is_broken()) continue;
    driver.port->reset();
    driver.attach_pair(0, false);
    driver.attach_pair(1, false);
  }
  is_over = true;
  guest.join();
  EXPECT_GT(carried(), 0u);
}

}  // namespace
}  // namespace enid::devices::ena
