#include "instances/device_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace enid::instances {
namespace {

using ::testing::ElementsAre;

class DeviceLogTest : public ::testing::Test {
 protected:
  std::vector<std::string> lines;
  Instant now{1'000'000'000};
  DeviceLog log{
      "eni-1",
      [this](bool is_trouble, const std::string& line) { lines.push_back((is_trouble ? "! " : "") + line); },
      [this] { return now; }};
};

TEST_F(DeviceLogTest, says_what_happened_and_whether_it_is_trouble) {
  log.on_reset(0);
  log.on_host({.system = 1,
               .system_name = "Linux",
               .distribution = "6.12",
               .kernel_version = "#1 SMP",
               .driver_version = "2.1.0",
               .processors = 2});
  log.on_broken("a ring was overrun");
  log.on_reset(1);
  log.on_reset(11);
  EXPECT_THAT(
      lines,
      ElementsAre("eni-1: its driver resets the device: normal, reason 0",
                  "eni-1: its driver says: Linux 6.12 #1 SMP, driver 2.1.0, 2 processors",
                  "! eni-1: the guest broke a rule, its device carries nothing until it is reset: a ring was "
                  "overrun",
                  "! eni-1: its driver resets the device: keep-alive timeout, reason 1",
                  "eni-1: its driver resets the device: shutdown, reason 11"));
}

TEST_F(DeviceLogTest, a_guest_in_a_loop_does_not_fill_it) {
  for (int i = 0; i < 1000; ++i) log.on_reset(1);
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(DeviceLog::kLinesAMinute));
  now = now + Duration::from_seconds(61);
  lines.clear();
  log.on_reset(1);
  log.on_reset(1);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "! eni-1: 980 more events of its device are not told here");
}

}  // namespace
}  // namespace enid::instances
