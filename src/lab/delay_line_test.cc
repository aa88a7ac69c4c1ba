#include "lab/delay_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "base/random.h"

namespace enid::lab {
namespace {

Instant at(std::int64_t nanoseconds) { return {nanoseconds}; }

bool send(DelayLine& line, std::size_t bytes, std::uint8_t value, std::int64_t due) {
  const std::span<std::uint8_t> room = line.room();
  if (room.empty()) return false;
  std::fill_n(room.begin(), bytes, value);
  line.commit(bytes, at(due));
  return true;
}

TEST(DelayLine, gives_packets_back_in_order_and_says_when) {
  DelayLine line(4096, 256);
  EXPECT_EQ(line.next_due(), Instant::never());
  ASSERT_TRUE(send(line, 3, 7, 100));
  ASSERT_TRUE(send(line, 2, 8, 150));
  EXPECT_EQ(line.next_due(), at(100));
  EXPECT_EQ(std::vector<std::uint8_t>(line.front().begin(), line.front().end()),
            (std::vector<std::uint8_t>{7, 7, 7}));
  line.pop();
  EXPECT_EQ(line.next_due(), at(150));
  EXPECT_EQ(line.front().size(), 2u);
  line.pop();
  EXPECT_TRUE(line.empty());
}

TEST(DelayLine, that_is_full_has_no_room_until_a_packet_arrives) {
  DelayLine line(1024, 256);
  int sent = 0;
  while (send(line, 256, 1, sent)) ++sent;
  EXPECT_EQ(sent, 4);
  line.pop();
  EXPECT_TRUE(send(line, 256, 2, 10));
  EXPECT_FALSE(send(line, 256, 2, 11));
}

TEST(DelayLine, loses_and_mixes_nothing_over_many_turns_of_the_ring) {
  Random random(42);
  DelayLine line(8192, 1500);
  std::deque<std::pair<std::size_t, std::uint8_t>> expected;
  std::int64_t now = 0;
  for (int turn = 0; turn < 100'000; ++turn) {
    ++now;
    const std::size_t bytes = random.below(1501);
    const auto value = static_cast<std::uint8_t>(random.next());
    if (random.below(2) == 0 && send(line, bytes, value, now + 20)) expected.emplace_back(bytes, value);
    if (random.below(2) == 0 && !line.empty()) {
      ASSERT_EQ(line.front().size(), expected.front().first);
      ASSERT_TRUE(
          std::ranges::all_of(line.front(), [&](std::uint8_t b) { return b == expected.front().second; }));
      line.pop();
      expected.pop_front();
    }
  }
  EXPECT_EQ(line.empty(), expected.empty());
}

TEST(DelayLine, a_flood_of_empty_packets_is_bounded_too) {
  DelayLine line(64 * 1024, 9216);
  std::size_t sent = 0;
  while (sent < 1'000'000 && send(line, 1, 0, 5)) ++sent;
  EXPECT_LE(sent, 1024u);
}

}  // namespace
}  // namespace enid::lab
