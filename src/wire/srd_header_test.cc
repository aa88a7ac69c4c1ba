#include "wire/srd_header.h"

#include <gtest/gtest.h>

#include <vector>

namespace enid::wire {
namespace {

SrdDatagram example(SrdType type, std::uint8_t flags) {
  SrdDatagram d;
  d.header = {.type = type,
              .flags = flags,
              .epoch = 0x1234,
              .context = 0x89abcdef,
              .psn = 0xfffffffe,
              .slot = 63,
              .path_sequence = 0xfffd,
              .sent_at = 0x01020304,
              .flow_tag = 0x5566,
              .flow_sequence = 0x778899aa,
              .vni = 0xabcdef};
  if ((flags & SrdFlags::kTagged) != 0) d.header.tag = 0x1122334455667788;
  if (type == SrdType::kAcknowledgement) {
    d.body = SrdAcknowledgement{.cumulative = 1,
                                .selective_base = 64,
                                .selective = {5, 6, 7, 8},
                                .clean_slots = 9,
                                .late_slots = 10,
                                .echo_sent_at = 11,
                                .echo_path_sequence = 12,
                                .echo_slot = 13,
                                .drop_reason = 14,
                                .drop_psn = 15,
                                .hold = 16,
                                .queue_delay = 17,
                                .arrivals = 18,
                                .marked = 19,
                                .window = 20,
                                .share = 21};
  } else if (type >= SrdType::kInit) {
    d.body = SrdSetup{
        .incarnation = 1, .peer_incarnation = 2, .context = 3, .epoch = 4, .cookie = 5, .made_at = 6};
  }
  return d;
}

TEST(SrdHeader, every_kind_survives_being_written_and_parsed) {
  for (std::uint8_t type = 1; type <= 8; ++type) {
    for (const std::uint8_t flags : {std::uint8_t{0}, SrdFlags::kTagged}) {
      const SrdDatagram d = example(static_cast<SrdType>(type), flags);
      std::vector<std::uint8_t> bytes(d.bytes());
      d.write(bytes);
      const auto parsed = SrdDatagram::parse(bytes);
      ASSERT_TRUE(parsed.has_value());
      std::vector<std::uint8_t> again(parsed->bytes());
      parsed->write(again);
      EXPECT_EQ(again, bytes);
      EXPECT_EQ(parsed->header.vni, 0xabcdefU);
      EXPECT_EQ(parsed->header.tag, d.header.tag);
      EXPECT_EQ(parsed->body.index(), d.body.index());
    }
  }
}

TEST(SrdHeader, is_as_long_as_the_document_says) {
  EXPECT_EQ(example(SrdType::kData, 0).bytes(), 32U);
  EXPECT_EQ(example(SrdType::kData, SrdFlags::kTagged).bytes(), 40U);
  EXPECT_EQ(example(SrdType::kAcknowledgement, SrdFlags::kTagged).bytes(), 120U);
  EXPECT_EQ(example(SrdType::kInit, SrdFlags::kTagged).bytes(), 80U);
}

TEST(SrdHeader, nothing_cut_short_too_long_or_of_another_version_is_parsed) {
  const SrdDatagram d = example(SrdType::kAcknowledgement, SrdFlags::kTagged);
  std::vector<std::uint8_t> bytes(d.bytes());
  d.write(bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(SrdDatagram::parse(ConstBytes(bytes).first(n)).has_value());
  std::vector<std::uint8_t> longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(SrdDatagram::parse(longer).has_value());
  for (const int first : {0x02, 0x22, 0x10, 0x19, 0x1f}) {
    bytes[0] = static_cast<std::uint8_t>(first);
    EXPECT_FALSE(SrdDatagram::parse(bytes).has_value());
  }
}

TEST(SrdHeader, a_payload_is_exactly_as_long_as_the_header_says) {
  SrdDatagram d = example(SrdType::kData, 0);
  d.header.payload_bytes = 5;
  std::vector<std::uint8_t> bytes(d.bytes() + 5);
  d.write(bytes);
  EXPECT_TRUE(SrdDatagram::parse(bytes).has_value());
  bytes.pop_back();
  EXPECT_FALSE(SrdDatagram::parse(bytes).has_value());
}

}  // namespace
}  // namespace enid::wire
