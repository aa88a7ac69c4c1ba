#include "instances/qemu/agent_frame.h"

#include <gmock/gmock.h>

#include <random>

namespace enid::instances {
namespace {

std::string every_byte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

TEST(AgentFrame, carries_every_byte_in_any_pieces) {
  const std::string sent = write_agent_frame(AgentVerb::kOutput, 0x7d7e7d7e, every_byte());
  AgentFrameReader reader;
  std::optional<AgentFrame> frame;
  for (const char byte : sent) {
    EXPECT_FALSE(frame.has_value());
    reader.on_bytes({&byte, 1});
    frame = reader.next();
  }
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->verb, AgentVerb::kOutput);
  EXPECT_EQ(frame->session, 0x7d7e7d7eU);
  EXPECT_EQ(frame->data, every_byte());
}

TEST(AgentFrame, finds_the_next_whole_frame_after_one_that_was_cut_off) {
  const std::string frame = write_agent_frame(AgentVerb::kInput, 1, every_byte());
  for (std::size_t cut = 0; cut < frame.size() - 1; ++cut) {  // All but the last mark is whole.
    AgentFrameReader reader;
    reader.on_bytes(frame.substr(0, cut));
    reader.on_bytes(write_agent_frame(AgentVerb::kHello, 0, "nonce"));
    const auto next = reader.next();
    ASSERT_TRUE(next.has_value()) << cut;
    EXPECT_EQ(next->data, "nonce") << cut;
  }
  for (std::size_t cut = 1; cut < frame.size(); ++cut) {
    AgentFrameReader reader;
    reader.on_bytes(frame.substr(cut));
    reader.on_bytes(write_agent_frame(AgentVerb::kHello, 0, "nonce"));
    const auto next = reader.next();
    ASSERT_TRUE(next.has_value()) << cut;
    EXPECT_EQ(next->data, "nonce") << cut;
  }
}

TEST(AgentFrame, does_not_collect_a_frame_without_end) {
  AgentFrameReader reader;
  reader.on_bytes("\x7e" + std::string(3 * kLargestAgentFrame, 'x'));
  EXPECT_FALSE(reader.next().has_value());
  reader.on_bytes(write_agent_frame(AgentVerb::kHello, 0, "nonce"));
  EXPECT_TRUE(reader.next().has_value());
}

TEST(AgentFrame, survives_noise) {
  std::minstd_rand random(1);
  AgentFrameReader reader;
  for (int i = 0; i < 20'000; ++i) {
    std::string noise;
    for (int j = 0; j < 16; ++j) noise.push_back(random() % 4 == 0 ? 0x7e : static_cast<char>(random()));
    reader.on_bytes(noise);
    while (reader.next()) continue;
  }
}

TEST(AgentFrame, reads_numbers_strictly) {
  EXPECT_EQ(agent_number("128", 7), 128U);
  for (const char* text : {"", "x", "1x", "-1", "99999999999999999999999"})
    EXPECT_EQ(agent_number(text, 7), 7U);
}

}  // namespace
}  // namespace enid::instances
