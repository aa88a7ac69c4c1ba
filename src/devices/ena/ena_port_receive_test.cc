// What the guest gets: stories of its receive rings, of interrupts, and of queues that come and go.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "devices/ena/ring_driver.h"

namespace enid::devices::ena {
namespace {

std::vector<std::uint8_t> frame_of(std::size_t bytes, unsigned seed = 1) {
  std::vector<std::uint8_t> frame(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    seed = seed * 1664525 + 1013904223;
    frame[i] = static_cast<std::uint8_t>(seed >> 24);
  }
  frame[12] = frame[13] = 0x99;  // Of no protocol.
  return frame;
}

std::size_t bring(RingDriver& driver, std::vector<std::uint8_t> bytes) {
  const card::Frame frame{bytes, {}};
  return driver.port->transmit({&frame, 1});
}

constexpr Instant at_microsecond(std::int64_t n) { return {n * 1'000}; }

TEST(EnaReceive, a_frame_fills_one_buffer) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 1, 2048);
  EXPECT_EQ(bring(driver, frame_of(60)), 1u);
  const auto frames = driver.received(0);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].bytes, frame_of(60));
  EXPECT_EQ(frames[0].buffers, 1u);
  EXPECT_EQ(frames[0].status & 0x20080u, 0u);  // Bits that must be zero.
}

TEST(EnaReceive, a_jumbo_frame_fills_three_buffers_as_linux_posts_them) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 8, 3712);
  EXPECT_EQ(bring(driver, frame_of(8942)), 1u);
  const auto frames = driver.received(0);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].bytes, frame_of(8942));
  EXPECT_EQ(frames[0].buffers, 3u);
}

TEST(EnaReceive, a_frame_that_finds_too_few_buffers_leaves_no_trace) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 2, 1000);
  EXPECT_EQ(bring(driver, frame_of(2'001)), 0u);
  EXPECT_TRUE(driver.received(0).empty());
  EXPECT_EQ(driver.port->receive_statistics(0).overruns, 1u);
  EXPECT_EQ(bring(driver, frame_of(2'000)), 1u);
  EXPECT_EQ(driver.received(0).size(), 1u);
  EXPECT_EQ(driver.port->receive_statistics(0).packets, 1u);
}

TEST(EnaReceive, no_frame_takes_more_completions_than_were_announced) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 40, 64);
  EXPECT_EQ(bring(driver, frame_of(16 * 64 + 1)), 0u);
  EXPECT_TRUE(driver.received(0).empty());
  EXPECT_EQ(bring(driver, frame_of(16 * 64)), 1u);
  EXPECT_EQ(driver.received(0)[0].buffers, 16u);
}

TEST(EnaReceive, a_frame_longer_than_the_guests_mtu_is_dropped) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 8, 4096);
  driver.port->set_mtu(1'500);
  EXPECT_EQ(bring(driver, frame_of(1'515)), 0u);
  EXPECT_EQ(bring(driver, frame_of(1'514)), 1u);
  EXPECT_EQ(driver.port->statistics().receive_drops, 1u);
}

TEST(EnaReceive, nothing_comes_without_a_queue_or_a_link) {
  RingDriver driver;
  EXPECT_EQ(bring(driver, frame_of(60)), 0u);
  driver.make_pair(0);
  driver.post(0, 4, 2048);
  driver.port->set_link(false);
  EXPECT_EQ(bring(driver, frame_of(60)), 0u);
  driver.port->set_link(true);
  EXPECT_EQ(bring(driver, frame_of(60)), 1u);
  driver.port->destroy_submission_queue(Direction::kReceive, 0);
  EXPECT_EQ(bring(driver, frame_of(60)), 0u);
  EXPECT_EQ(driver.port->statistics().receive_drops, 3u);
}

TEST(EnaReceive, a_length_of_zero_is_sixty_four_kibibytes) {
  RingDriver driver;
  driver.make_pair(0);
  const std::uint64_t address = driver.allocate(0x10000);
  driver.post_at(0, address, 0, 5);
  driver.pairs[0].posted[5] = {address, 0x10000};
  driver.ring_receive(0);
  EXPECT_EQ(bring(driver, frame_of(9'000)), 1u);
  EXPECT_EQ(driver.received(0)[0].bytes, frame_of(9'000));
}

TEST(EnaReceive, random_frames_into_random_buffers_arrive_byte_by_byte) {
  Random random(11);
  for (const std::size_t piece : {RingDriver::kMemoryBytes, std::size_t{4096}}) {
    RingDriver driver;
    driver.share_memory(piece);
    RingDriver::Pair& pair = driver.make_pair(0, 128);
    for (int round = 0; round < 3'000; ++round) {
      while (pair.posted.size() < 100)
        driver.post(0, 1, static_cast<std::uint32_t>(800 + random.below(4'000)));
      std::vector<std::vector<std::uint8_t>> sent;
      std::vector<card::Frame> frames;
      for (std::uint64_t i = 0; i <= random.below(5); ++i)
        sent.push_back(frame_of(14 + random.below(9'000), static_cast<unsigned>(random.next())));
      for (auto& frame : sent) frames.push_back({frame, {}});
      ASSERT_EQ(driver.port->transmit(frames), frames.size());
      const auto came = driver.received(0);
      ASSERT_EQ(came.size(), sent.size());
      for (std::size_t i = 0; i < came.size(); ++i) ASSERT_EQ(came[i].bytes, sent[i]);
    }
  }
}

TEST(EnaReceive, a_port_that_begins_anew_goes_on_where_the_old_one_was) {
  RingDriver driver;
  RingDriver::Pair& pair = driver.make_pair(0, 32);
  for (int i = 0; i < 100; ++i) {
    if (pair.posted.size() < 8) driver.post(0, 16, 2048);
    if (i == 50) {
      driver.start_port();
      driver.attach_pair(0, true);
    }
    ASSERT_EQ(bring(driver, frame_of(60 + static_cast<std::size_t>(i))), 1u);
    const auto frames = driver.received(0);
    ASSERT_EQ(frames.size(), 1u);
    ASSERT_EQ(frames[0].bytes, frame_of(60 + static_cast<std::size_t>(i)));
  }
}

// --- Broken rules ---

struct BrokenRule {
  const char* name;
  void (*break_it)(RingDriver& driver);
  const char* because;
};

void post_raw(RingDriver& driver, std::uint64_t address, std::uint16_t id) {
  driver.post_at(0, address, 2048, id);
  driver.ring_receive(0);
}

const BrokenRule kBrokenRules[] = {
    {"a_doorbell_beyond_the_ring", [](RingDriver& driver) { driver.write_word(receive_doorbell(0), 65); },
     "a receive doorbell is further than the ring is deep"},
    {"a_buffer_outside_memory", [](RingDriver& driver) { post_raw(driver, 0x10, 0); },
     "a receive buffer is not in memory"},
    {"a_buffer_at_the_end_of_addresses", [](RingDriver& driver) { post_raw(driver, 0xffff'ffff'fff0, 0); },
     "a receive buffer is not in memory"},
    {"a_request_id_out_of_range", [](RingDriver& driver) { post_raw(driver, RingDriver::kBase, 64); },
     "a receive request id is out of range"},
    {"a_ring_outside_memory",
     [](RingDriver& driver) {
       driver.port->create_submission_queue({0, Direction::kReceive, Placement::kHost, 64, 0x1000, 1});
       driver.write_word(receive_doorbell(0), 1);
     },
     "a receive ring is not in memory"},
    {"a_completion_ring_outside_memory",
     [](RingDriver& driver) {
       driver.port->create_completion_queue({1, 64, 16, 0x1000, 1});
       post_raw(driver, RingDriver::kBase, 0);
     },
     "a completion ring is not in memory"},
};

class EnaReceiveRule : public testing::TestWithParam<BrokenRule> {};
INSTANTIATE_TEST_SUITE_P(Broken, EnaReceiveRule, testing::ValuesIn(kBrokenRules),
                         [](const auto& test) { return test.param.name; });

TEST_P(EnaReceiveRule, breaks_the_port_until_its_reset) {
  RingDriver driver;
  driver.make_pair(0);
  GetParam().break_it(driver);
  EXPECT_EQ(bring(driver, frame_of(60)), 0u);
  EXPECT_TRUE(driver.port->is_broken());
  EXPECT_STREQ(driver.port->statistics().broken_because, GetParam().because);
  driver.port->reset();
  driver.make_pair(0);
  driver.post(0, 1, 2048);
  EXPECT_EQ(bring(driver, frame_of(60)), 1u);
}

TEST(EnaReceive, a_guest_that_rewrites_its_rings_while_they_are_read_hurts_nobody) {
  RingDriver driver;
  driver.make_pair(0, 64);
  std::atomic<bool> is_over{false};
  std::thread guest([&] {
    Random random(5);
    auto* const words = reinterpret_cast<std::uint32_t*>(driver.at(driver.pairs[0].receive_ring));
    auto* const bell = reinterpret_cast<std::uint32_t*>(driver.page().data() + receive_doorbell(0));
    while (!is_over) {
      const std::size_t at = random.below(256);
      auto value = static_cast<std::uint32_t>(random.next());
      if (at % 4 == 1) value &= 0x3f;
      if (at % 4 == 2) value = static_cast<std::uint32_t>(RingDriver::kBase + random.below(1u << 24));
      if (at % 4 == 3) value = 0;
      std::atomic_ref(words[at]).store(value, std::memory_order_relaxed);
      std::atomic_ref(*bell).store(static_cast<std::uint32_t>(random.below(65)));
    }
  });
  const auto carried = [&] { return driver.port->statistics().received_packets; };
  for (int round = 0; round < 50'000 || (carried() == 0 && round < 50'000'000); ++round) {
    bring(driver, frame_of(60));
    if (!driver.port->is_broken()) continue;
    driver.port->reset();
    driver.attach_pair(0, false);
  }
  is_over = true;
  guest.join();
  EXPECT_GT(carried(), 0u);
}

// --- Interrupts ---

TEST(EnaInterrupts, go_out_when_something_is_pending_and_the_guest_asked) {
  RingDriver driver;
  driver.make_pair(0);
  driver.send(0, frame_of(60));
  driver.poll();
  EXPECT_EQ(driver.interrupts[1]->raised, 0);  // Not asked yet.
  driver.unmask(1);
  driver.port->on_time(at_microsecond(1));
  EXPECT_EQ(driver.interrupts[1]->raised, 1);
  driver.send(0, frame_of(60));
  driver.poll();
  EXPECT_EQ(driver.interrupts[1]->raised, 1);  // Not asked again.
  driver.unmask(1);
  driver.port->on_time(at_microsecond(2));
  EXPECT_EQ(driver.interrupts[1]->raised, 2);
  driver.unmask(1);
  driver.port->on_time(at_microsecond(3));
  EXPECT_EQ(driver.interrupts[1]->raised, 2);  // Nothing pending.
}

TEST(EnaInterrupts, both_directions_of_a_pair_share_one) {
  RingDriver driver;
  driver.make_pair(0);
  driver.make_pair(1);
  driver.post(0, 4, 2048);
  driver.unmask(1);
  driver.unmask(2);
  bring(driver, frame_of(60));
  EXPECT_EQ(driver.interrupts[1]->raised, 1);
  driver.unmask(1);
  driver.send(0, frame_of(60));
  driver.poll();
  EXPECT_EQ(driver.interrupts[1]->raised, 2);
  EXPECT_EQ(driver.interrupts[2]->raised, 0);
}

TEST(EnaInterrupts, one_goes_out_for_a_whole_batch) {
  RingDriver driver;
  driver.make_pair(0);
  driver.unmask(1);
  for (int i = 0; i < 32; ++i) driver.send(0, frame_of(60));
  driver.poll();
  EXPECT_EQ(driver.interrupts[1]->raised, 1);
}

TEST(EnaInterrupts, wait_for_the_delay_that_the_guest_told) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 4, 2048);
  driver.port->on_time(at_microsecond(1'000));
  driver.unmask(1, 20, 64);
  driver.send(0, frame_of(60));
  driver.poll();
  EXPECT_EQ(driver.interrupts[1]->raised, 0);
  EXPECT_EQ(driver.port->next_timeout(), at_microsecond(1'064));
  driver.port->on_time(at_microsecond(1'010));
  bring(driver, frame_of(60));  // Sooner: receive completions may wait 20.
  EXPECT_EQ(driver.port->next_timeout(), at_microsecond(1'030));
  driver.port->on_time(at_microsecond(1'029));
  EXPECT_EQ(driver.interrupts[1]->raised, 0);
  driver.port->on_time(at_microsecond(1'030));
  EXPECT_EQ(driver.interrupts[1]->raised, 1);
  EXPECT_EQ(driver.port->next_timeout(), Instant::never());
}

TEST(EnaInterrupts, keep_their_delays_when_the_word_says_so) {
  RingDriver driver;
  driver.make_pair(0);
  driver.port->on_time(at_microsecond(0));
  driver.unmask(1, 0, 64);
  driver.send(0, frame_of(60));
  driver.poll();
  driver.port->on_time(at_microsecond(64));
  EXPECT_EQ(driver.interrupts[1]->raised, 1);
  driver.write_word(unmask_word(1), 3u << 30);
  driver.send(0, frame_of(60));
  driver.poll();
  EXPECT_EQ(driver.port->next_timeout(), at_microsecond(128));
}

TEST(EnaInterrupts, are_owed_while_the_vector_has_no_receiver) {
  RingDriver driver;
  driver.make_pair(0);
  driver.port->set_interrupt(1, nullptr);
  driver.unmask(1);
  driver.send(0, frame_of(60));
  driver.poll();
  EXPECT_EQ(driver.interrupts[1]->raised, 0);
  driver.port->set_interrupt(1, driver.interrupts[1]);
  EXPECT_EQ(driver.interrupts[1]->raised, 1);
  driver.port->set_interrupt(1, nullptr);
  driver.port->set_interrupt(1, driver.interrupts[1]);
  EXPECT_EQ(driver.interrupts[1]->raised, 1);
}

TEST(EnaInterrupts, a_polled_queue_has_none) {
  RingDriver driver;
  RingDriver::Pair& pair = driver.make_pair(0);
  driver.port->create_completion_queue({0, 64, 8, pair.transmit_completions, kNoVector});
  driver.send(0, frame_of(60));
  EXPECT_EQ(driver.poll().size(), 1u);
  EXPECT_EQ(driver.transmitted(0).size(), 1u);
}

TEST(EnaInterrupts, one_too_many_goes_out_after_the_port_began_anew) {
  RingDriver driver;
  driver.make_pair(0);
  driver.start_port();
  driver.port->set_interrupt(1, driver.interrupts[1]);
  driver.attach_pair(0, true);
  driver.port->on_time(at_microsecond(1));
  EXPECT_EQ(driver.interrupts[1]->raised, 1);
}

// --- Queues that come and go ---

TEST(EnaQueues, a_transmit_queue_without_completion_queue_waits) {
  RingDriver driver;
  RingDriver::Pair& pair = driver.make_pair(0);
  driver.port->destroy_completion_queue(0);
  driver.send(0, frame_of(60));
  EXPECT_FALSE(driver.port->has_work());
  EXPECT_EQ(driver.poll().size(), 0u);
  driver.port->create_completion_queue({0, 64, 8, pair.transmit_completions, 1});
  EXPECT_EQ(driver.poll().size(), 1u);
}

TEST(EnaQueues, doorbells_of_queues_that_do_not_exist_mean_nothing) {
  RingDriver driver;
  std::ranges::fill(driver.page(), 0xff);
  EXPECT_FALSE(driver.port->has_work());
  EXPECT_EQ(driver.poll().size(), 0u);
  driver.port->on_time(at_microsecond(1));
  EXPECT_FALSE(driver.port->is_broken());
  driver.make_pair(0);  // Clears its own.
  driver.port->on_time(at_microsecond(2));
  EXPECT_EQ(driver.poll().size(), 0u);
  EXPECT_FALSE(driver.port->is_broken());
}

TEST(EnaQueues, memory_that_goes_away_breaks_only_who_uses_it) {
  RingDriver driver;
  driver.make_pair(0);
  driver.port->set_memory(nullptr);
  EXPECT_EQ(driver.poll().size(), 0u);
  EXPECT_FALSE(driver.port->is_broken());
  driver.share_memory();
  driver.send(0, frame_of(60));
  EXPECT_EQ(driver.poll().size(), 1u);
  driver.port->set_memory(nullptr);
  driver.send(0, frame_of(60));
  EXPECT_EQ(driver.poll().size(), 0u);
  EXPECT_TRUE(driver.port->is_broken());
}

// --- Steering ---

ReceiveSteering microsoft_steering() {
  ReceiveSteering steering;
  steering.is_on = true;
  steering.key = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                  0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                  0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
  steering.fields = {0x3c, 0x3c, 0x3c, 0x3c, 0x0c, 0x0c, 0x0c, 0x03};
  for (std::size_t i = 0; i < steering.table.size(); ++i)
    steering.table[i] = static_cast<std::uint16_t>(i % 4);
  return steering;
}

// 66.9.149.187:2794 → 161.142.100.80:1766, of Microsoft's verification suite.
std::vector<std::uint8_t> microsoft_frame(std::uint8_t protocol) {
  std::vector<std::uint8_t> frame(60);
  frame[12] = 0x08;
  const std::uint8_t ip[] = {0x45, 0, 0,   40,  0,   0,   0,   0,  64,   protocol, 0,    0,
                             66,   9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea,     0x06, 0xe6};
  std::memcpy(frame.data() + 14, ip, sizeof ip);
  frame[14 + 20 + 12] = 0x50;
  return frame;
}

TEST(EnaSteering, hashes_as_microsofts_suite_says_and_takes_the_tables_queue) {
  RingDriver driver;
  for (std::uint16_t q = 0; q < 4; ++q) {
    driver.make_pair(q);
    driver.post(q, 8, 2048);
  }
  driver.port->set_receive_steering(microsoft_steering());
  auto frame = microsoft_frame(6);
  EXPECT_EQ(driver.port->receive_queue_of({.bytes = frame, .offload = {}}), 0x51ccc178 % 4);
  EXPECT_EQ(driver.port->facts().queue_pairs_in_use, 4);
  bring(driver, frame);
  auto frames = driver.received(0x51ccc178 % 4);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].hash, 0x51ccc178u);
  bring(driver, microsoft_frame(47));  // No ports: addresses alone.
  frames = driver.received(0x323e8fc2 % 4);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].hash, 0x323e8fc2u);
}

TEST(EnaSteering, a_queue_that_is_not_there_is_queue_zero) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 8, 2048);
  ReceiveSteering steering = microsoft_steering();
  steering.table.fill(7);
  driver.port->set_receive_steering(steering);
  bring(driver, microsoft_frame(6));
  steering.table.fill(0xffff);
  driver.port->set_receive_steering(steering);
  bring(driver, microsoft_frame(6));
  EXPECT_EQ(driver.received(0).size(), 2u);
}

}  // namespace
}  // namespace enid::devices::ena
