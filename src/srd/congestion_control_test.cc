#include "srd/congestion_control.h"

#include <gtest/gtest.h>

namespace enid::srd {
namespace {

constexpr Duration kRtt = Duration::from_microseconds(14);

class CongestionControlStory : public testing::Test {
 protected:
  static Settings settings() {
    Settings s;
    s.base_rtt = kRtt;
    s.target_delay = Duration::from_microseconds(10);
    s.payload_bytes_max = 4000;
    return s;
  }

  // A round trip of acknowledgements, 8 datagrams each, all with this delay and so many marks.
  void round(Duration delay, std::uint32_t marked = 0, bool full = true) {
    const std::uint64_t datagrams = std::max<std::uint64_t>(control.window() / 4000, 1);
    for (std::uint64_t i = 0; i < datagrams; i += 8) {
      const Instant sent = now;
      now = now + Duration{(kRtt + delay).nanoseconds * 8 / static_cast<std::int64_t>(datagrams + 8)};
      if (full) control.on_window_full();
      control.on_rtt(now, kRtt + delay);
      control.on_acknowledgement(
          now,
          {.sent_at = sent, .acked_bytes = 8 * 4000, .queue_delay = delay, .arrivals = 8, .marked = marked});
    }
  }

  CongestionControl control{settings()};
  Instant now = Instant{} + Duration::from_milliseconds(1);
};

TEST_F(CongestionControlStory, begins_with_what_the_network_holds_at_the_target_and_grows_little_beyond) {
  EXPECT_EQ(control.window(), 100'000'000'000 / 8 * 24 / 1'000'000);
  const std::uint64_t most = 100'000'000'000 / 8 * 29 / 1'000'000;
  for (int i = 0; i < 20; ++i) round({});
  EXPECT_EQ(control.window(), most);
}

TEST_F(CongestionControlStory, grows_in_proportion_to_the_headroom) {
  control.on_timeout(now);
  const std::uint64_t before = control.window();
  for (int i = 0; i < 5; ++i) round(Duration::from_microseconds(1));
  const std::uint64_t fast = control.window();
  EXPECT_GT(fast, 2 * before);
  control.on_timeout(now);
  for (int i = 0; i < 5; ++i) round(Duration::from_microseconds(9));
  EXPECT_LT(control.window(), fast);
}

TEST_F(CongestionControlStory, does_not_grow_for_an_application_that_sends_less) {
  control.on_timeout(now);
  const std::uint64_t before = control.window();
  for (int i = 0; i < 20; ++i) round({}, 0, false);
  EXPECT_EQ(control.window(), before);
}

TEST_F(CongestionControlStory, grows_by_a_datagram_a_round_when_paths_mark_and_do_not_queue) {
  control.on_timeout(now);
  const std::uint64_t before = control.window();
  for (int i = 0; i < 4; ++i) round(Duration::from_microseconds(2), 8);
  EXPECT_LE(control.window(), before + 4 * 4000);
}

TEST_F(CongestionControlStory, yields_when_marks_persist) {
  const std::uint64_t before = control.window();
  for (int i = 0; i < 30; ++i) round(Duration::from_microseconds(2), 4);
  EXPECT_LT(control.window(), before / 2);
}

TEST_F(CongestionControlStory, cuts_when_paths_mark_and_queue) {
  const std::uint64_t before = control.window();
  for (int i = 0; i < 3; ++i) round(Duration::from_microseconds(19), 8);
  EXPECT_LT(control.window(), before * 7 / 10);
  EXPECT_GT(control.cuts(), 0U);
}

TEST_F(CongestionControlStory, does_not_cut_twice_for_news_of_one_moment) {
  for (int i = 0; i < 8; ++i) {
    control.on_acknowledgement(
        now,
        {.sent_at = Instant{1}, .queue_delay = Duration::from_microseconds(18), .arrivals = 8, .marked = 8});
  }
  EXPECT_EQ(control.cuts(), 1U);
}

TEST_F(CongestionControlStory, one_bad_path_does_not_move_the_median) {
  for (int i = 0; i < 40; ++i) round({});
  const std::uint64_t before = control.window();
  for (int i = 0; i < 40; ++i) {
    const Duration delay = i % 4 == 0 ? Duration::from_microseconds(300) : Duration::from_microseconds(1);
    now = now + Duration::from_microseconds(2);
    control.on_acknowledgement(
        now, {.sent_at = now - kRtt, .acked_bytes = 8000, .queue_delay = delay, .arrivals = 2, .marked = 0});
  }
  EXPECT_EQ(control.window(), before);
  EXPECT_FALSE(control.is_congested());
}

TEST_F(CongestionControlStory, takes_no_more_than_the_receiver_s_share) {
  control.set_share(now, 25'000'000'000);
  EXPECT_LE(control.rate(), 25'000'000'000U);
  EXPECT_LE(control.window(), 25'000'000'000U / 8 * 29 / 1'000'000);
  control.set_share(now, 0);
  for (int i = 0; i < 40; ++i) round({});
  EXPECT_GT(control.rate(), 90'000'000'000U);
}

TEST_F(CongestionControlStory, does_not_cut_for_a_silent_loss) {
  round(Duration::from_microseconds(1));
  const std::uint64_t before = control.window();
  control.on_loss(now, now - kRtt);
  EXPECT_EQ(control.window(), before);
}

TEST_F(CongestionControlStory, never_stops_altogether) {
  for (int i = 0; i < 200; ++i) {
    now = now + Duration::from_milliseconds(1);
    control.on_acknowledgement(now, {.sent_at = now - Duration{1},
                                     .queue_delay = Duration::from_milliseconds(50),
                                     .arrivals = 1,
                                     .marked = 1});
  }
  EXPECT_GT(control.window(), 0U);
  EXPECT_LT(control.time_to_send(4000), Duration::from_seconds(1));
}

TEST(CongestionControl, aims_at_the_time_of_some_messages_where_one_takes_longer_than_the_target) {
  Settings settings;
  settings.target_delay = Duration::from_microseconds(200);
  settings.payload_bytes_max = 8900;
  settings.target_messages = 16;
  settings.ecn = false;
  CongestionControl control(settings);
  const Duration rtt = Duration::from_microseconds(500);
  const std::int64_t of_one = 178'000;  // Nanoseconds of 8,900 bytes at 400 Mbit/s.
  Instant now = Instant{} + Duration::from_seconds(1);
  Instant sent = now;
  for (int i = 0; i < 2000; ++i) {
    now = now + Duration{of_one};
    control.on_window_full();
    control.on_rtt(now, rtt);
    // Each waits for six others: much for a fast network, nothing for this one.
    control.on_acknowledgement(
        now, {.sent_at = sent, .acked_bytes = 8900, .queue_delay = {of_one * 6}, .arrivals = 1, .marked = 0});
    sent = now - rtt;
  }
  EXPECT_NEAR(static_cast<double>(control.delivery_rate()), 400e6, 40e6);
  EXPECT_NEAR(static_cast<double>(control.target_delay().nanoseconds), 16.0 * of_one, 2.0 * of_one);
  EXPECT_GE(control.window(), 16u * 8900);
}

}  // namespace
}  // namespace enid::srd
