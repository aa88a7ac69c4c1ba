#include "host/capture_subscription.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace enid::host {
namespace {

const auto kFirst = NetworkInterfaceId::trusted("eni-00000000000000001");
const auto kOther = NetworkInterfaceId::trusted("eni-00000000000000002");
constexpr Duration kNoWait = Duration::from_nanoseconds(0);

card::Frame frame_of(std::vector<std::uint8_t>& bytes) { return {bytes, {}}; }

TEST(CaptureSubscription, begins_with_the_section_and_its_interfaces) {
  CaptureSubscription capture({kFirst, kOther, kFirst}, 0);
  std::string blocks;
  ASSERT_TRUE(capture.read(blocks, kNoWait));
  EXPECT_EQ(blocks.substr(0, 4), "\x0a\x0d\x0d\x0a");
  EXPECT_NE(blocks.find(kFirst.text()), std::string::npos);
  EXPECT_NE(blocks.find(kOther.text()), std::string::npos);
  ASSERT_TRUE(capture.read(blocks, kNoWait));
  EXPECT_TRUE(blocks.empty());
}

TEST(CaptureSubscription, tells_why_a_frame_was_dropped) {
  CaptureSubscription capture({kFirst}, 0);
  std::vector<std::uint8_t> bytes(60, 0xab);
  std::string blocks;
  capture.read(blocks, kNoWait);
  capture.on_frame(kFirst, true, {5}, frame_of(bytes), "no_ingress_rule");
  capture.on_frame(kOther, true, {5}, frame_of(bytes), "not asked for");
  ASSERT_TRUE(capture.read(blocks, kNoWait));
  EXPECT_NE(blocks.find("no_ingress_rule"), std::string::npos);
  EXPECT_EQ(blocks.find("not asked for"), std::string::npos);
}

TEST(CaptureSubscription, loses_frames_of_a_slow_reader_and_says_how_many) {
  CaptureSubscription capture({kFirst}, 0);
  std::vector<std::uint8_t> bytes(64 * 1024, 0);
  for (int i = 0; i < 200; ++i) capture.on_frame(kFirst, false, {i}, frame_of(bytes), "");
  std::string blocks;
  ASSERT_TRUE(capture.read(blocks, kNoWait));
  EXPECT_LT(blocks.size(), CaptureSubscription::kQueueBytesMax + 2 * bytes.size());
  const std::size_t kept = blocks.size() / bytes.size();
  capture.on_frame(kFirst, false, {200}, frame_of(bytes), "");
  ASSERT_TRUE(capture.read(blocks, kNoWait));
  EXPECT_NE(blocks.find("the capture lost " + std::to_string(200 - kept) + " frames"), std::string::npos);
}

TEST(CaptureSubscription, wakes_a_waiting_reader_and_ends_after_the_last_block) {
  CaptureSubscription capture({kFirst}, 0);
  std::string blocks;
  capture.read(blocks, kNoWait);
  std::vector<std::uint8_t> bytes(60, 0);
  std::thread writer([&] {
    capture.on_frame(kFirst, true, {1}, frame_of(bytes), "last");
    capture.close();
  });
  ASSERT_TRUE(capture.read(blocks, Duration::from_seconds(10)));
  EXPECT_NE(blocks.find("last"), std::string::npos);
  EXPECT_FALSE(capture.read(blocks, Duration::from_seconds(10)));
  writer.join();
}

}  // namespace
}  // namespace enid::host
