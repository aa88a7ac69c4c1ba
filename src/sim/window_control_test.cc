#include "sim/window_control.h"

#include <gtest/gtest.h>

namespace enid::sim {
namespace {

constexpr Picoseconds kRound = 14 * kMicrosecond;

// A round of acknowledgements for all packets of the window.
void live_a_round(WindowControl& window, Picoseconds now, std::uint32_t marked_percent = 0) {
  const auto packets = static_cast<std::uint32_t>(window.packets());
  for (std::uint32_t i = 0; i < packets; ++i) {
    window.on_acknowledged(now, 1, i * marked_percent / 100 != (i + 1) * marked_percent / 100 ? 1 : 0);
  }
  window.on_round(now);
}

TEST(WindowControl, slow_start_doubles_a_round) {
  for (const Sender sender : {Sender::kDctcp, Sender::kCubic}) {
    WindowControl window(sender, 10);
    live_a_round(window, kRound);
    EXPECT_EQ(window.packets(), 20U);
    live_a_round(window, 2 * kRound);
    EXPECT_EQ(window.packets(), 40U);
  }
}

TEST(WindowControl, dctcp_adds_a_packet_a_round_without_marks) {
  WindowControl window(Sender::kDctcp, 100);
  window.on_loss(0);
  EXPECT_EQ(window.packets(), 50U);
  for (int i = 1; i <= 10; ++i) live_a_round(window, i * kRound);
  EXPECT_NEAR(static_cast<double>(window.packets()), 60, 1);
}

TEST(WindowControl, dctcp_halves_when_all_is_marked_and_hardly_moves_when_little_is) {
  WindowControl all(Sender::kDctcp, 1000);
  all.on_loss(0);  // 500, out of slow start.
  live_a_round(all, kRound, 100);
  EXPECT_NEAR(static_cast<double>(all.packets()), 250, 5);

  WindowControl little(Sender::kDctcp, 1000);
  little.on_loss(0);
  for (int i = 1; i <= 60; ++i) live_a_round(little, i * kRound);  // Its memory of marks fades.
  const std::uint64_t before = little.packets();
  live_a_round(little, 61 * kRound, 5);
  EXPECT_GT(little.packets(), before * 95 / 100);
}

TEST(WindowControl, cubic_keeps_seven_tenths_at_a_loss_and_comes_back_as_reno_does_in_short_rounds) {
  WindowControl window(Sender::kCubic, 100);
  window.on_loss(0);
  EXPECT_EQ(window.packets(), 70U);
  // 9/17 of a packet a round: 57 rounds of 14 us for 30 packets; the cube would need seconds.
  for (int i = 1; i <= 57; ++i) live_a_round(window, i * kRound);
  EXPECT_NEAR(static_cast<double>(window.packets()), 100, 3);
}

TEST(WindowControl, cubic_follows_the_cube_in_long_rounds) {
  WindowControl window(Sender::kCubic, 1000);
  window.on_loss(0);
  // K = cube root of (300 / 0.4) = 9.1 s. In rounds of 100 ms the window is back at 1000 then, on a plateau.
  Picoseconds now = 0;
  for (int i = 0; i < 91; ++i) live_a_round(window, now += 100 * kMillisecond);
  EXPECT_NEAR(static_cast<double>(window.packets()), 1000, 30);
}

TEST(WindowControl, a_timeout_begins_again_with_one_packet) {
  WindowControl window(Sender::kDctcp, 100);
  window.on_timeout(0);
  EXPECT_EQ(window.packets(), 1U);
  live_a_round(window, kRound);
  EXPECT_EQ(window.packets(), 2U);
}

}  // namespace
}  // namespace enid::sim
