#include "wire/pcapng.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace enid::wire::pcapng {
namespace {

std::uint32_t little32(const std::string& bytes, std::size_t at) {
  std::uint32_t v = 0;
  for (std::size_t i = 0; i < 4; ++i)
    v |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[at + i])) << (8 * i);
  return v;
}

// Every block begins with its type and length, ends with the same length, and is a multiple of four.
void expect_well_formed(const std::string& block, std::uint32_t type) {
  ASSERT_GE(block.size(), 12u);
  EXPECT_EQ(block.size() % 4, 0u);
  EXPECT_EQ(little32(block, 0), type);
  EXPECT_EQ(little32(block, 4), block.size());
  EXPECT_EQ(little32(block, block.size() - 4), block.size());
}

TEST(Pcapng, a_section_header_tells_byte_order_and_unknown_length) {
  const std::string block = section_header("enid");
  expect_well_formed(block, 0x0A0D0D0A);
  EXPECT_EQ(little32(block, 8), 0x1A2B3C4Du);
  EXPECT_EQ(little32(block, 12), 1u);  // Major 1, minor 0.
  EXPECT_EQ(little32(block, 16), 0xffffffffu);
  EXPECT_EQ(little32(block, 20), 0xffffffffu);
}

TEST(Pcapng, an_interface_has_a_name_and_nanosecond_times) {
  const std::string block = interface_description("eni-0a1b", "i-1 eth0", 65'535);
  expect_well_formed(block, 1);
  EXPECT_EQ(block[8], 1);  // Ethernet.
  EXPECT_NE(block.find("eni-0a1b"), std::string::npos);
  EXPECT_NE(block.find(std::string("\x09\x00\x01\x00\x09\x00\x00\x00", 8)), std::string::npos);
}

TEST(Pcapng, a_packet_of_any_length_is_padded_and_keeps_its_true_length) {
  for (std::size_t length = 0; length < 9; ++length) {
    const std::vector<std::uint8_t> frame(length, 0xab);
    const std::string block = packet({.interface = 3,
                                      .nanoseconds_since_epoch = 0x1122334455667788,
                                      .direction = Direction::kInbound,
                                      .comment = "drop kNoIngressRule"},
                                     frame);
    expect_well_formed(block, 6);
    EXPECT_EQ(little32(block, 8), 3u);
    EXPECT_EQ(little32(block, 12), 0x11223344u);
    EXPECT_EQ(little32(block, 16), 0x55667788u);
    EXPECT_EQ(little32(block, 20), length);
    EXPECT_EQ(little32(block, 24), length);
    EXPECT_NE(block.find("drop kNoIngressRule"), std::string::npos);
  }
}

TEST(Pcapng, a_cut_frame_says_how_long_it_was) {
  const std::array<std::uint8_t, 4> frame{1, 2, 3, 4};
  const std::string block = packet({.original_bytes = 9015}, frame);
  EXPECT_EQ(little32(block, 20), 4u);
  EXPECT_EQ(little32(block, 24), 9015u);
}

TEST(Pcapng, a_comment_longer_than_an_option_is_cut) {
  const std::string comment(70'000, 'x');
  expect_well_formed(packet({.comment = comment}, {}), 6);
}

}  // namespace
}  // namespace enid::wire::pcapng
