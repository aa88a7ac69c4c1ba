#include "srd/acknowledgement.h"

#include <gtest/gtest.h>

#include <set>

namespace enid::srd {
namespace {

class AcknowledgementStory : public testing::Test {
 protected:
  void arrive(std::uint32_t psn, std::uint8_t slot, std::uint16_t path_sequence,
              Duration way = Duration::from_microseconds(5), std::uint8_t header_flags = 0) {
    now = now + Duration::from_nanoseconds(400);
    wire::SrdHeader header;
    header.psn = psn;
    header.slot = slot;
    header.path_sequence = path_sequence;
    header.payload_bytes = 1000;
    header.sent_at = wire_time(now - way);
    header.flags = header_flags;
    window.insert(psn);
    writer.on_arrival(now, header, false, false);
  }
  wire::SrdAcknowledgement write() {
    wire::SrdAcknowledgement out;
    flags = writer.write(now, window, refusals, 0, out);
    return out;
  }
  bool due() const { return writer.due_at() <= now; }

  Settings settings;
  AcknowledgementWriter writer{settings};
  ReceiveWindow window{0xffff'fff0, 2048};
  RefusalList refusals;
  Instant now = Instant{} + Duration::from_seconds(70);
  std::uint8_t flags = 0;
};

TEST_F(AcknowledgementStory, waits_for_a_few_datagrams_and_not_for_long) {
  arrive(0xffff'fff0, 1, 0);
  EXPECT_FALSE(due());
  EXPECT_EQ(writer.due_at(), now + settings.acknowledge_delay);
  for (std::uint32_t i = 1; i < settings.acknowledge_messages; ++i)
    arrive(0xffff'fff0 + i, 1, static_cast<std::uint16_t>(i));
  EXPECT_TRUE(due());
  EXPECT_EQ(write().arrivals, settings.acknowledge_messages);
  EXPECT_EQ(writer.due_at(), Instant::never());
}

TEST_F(AcknowledgementStory, comes_at_once_for_a_gap_of_a_path_and_not_for_disorder_between_paths) {
  arrive(0xffff'fff3, 1, 7);
  arrive(0xffff'fff0, 2, 9);
  EXPECT_FALSE(due());
  arrive(0xffff'fff5, 1, 9);
  EXPECT_TRUE(due());
}

TEST_F(AcknowledgementStory, comes_at_once_at_the_end_of_a_burst) {
  arrive(0xffff'fff0, 1, 7, Duration::from_microseconds(5), wire::SrdFlags::kEndOfBurst);
  EXPECT_TRUE(due());
}

TEST_F(AcknowledgementStory, tells_what_has_arrived_across_the_wrap) {
  for (const std::uint32_t psn : {0xffff'fff0U, 0xffff'fff1U, 0xffff'fff3U, 2U}) arrive(psn, 1, 0);
  const wire::SrdAcknowledgement ack = write();
  EXPECT_EQ(ack.cumulative, 0xffff'fff2U);
  EXPECT_EQ(ack.selective_base, 0xffff'ffc0U);
  EXPECT_EQ(ack.selective[0] >> 48, 0b1011U);
  EXPECT_EQ(ack.selective[1], 0b100U);
}

TEST_F(AcknowledgementStory, tells_everything_in_turns_when_the_mask_is_too_short) {
  std::set<std::uint32_t> told;
  for (std::uint32_t psn = 100; psn < 1100; psn += 2) arrive(psn, 1, static_cast<std::uint16_t>(psn));
  for (int i = 0; i < 12; ++i) {
    arrive(1100 + static_cast<std::uint32_t>(i), 1, 0);
    const wire::SrdAcknowledgement ack = write();
    for (std::uint32_t bit = 0; bit < 256; ++bit) {
      if (ack.selective[bit / 64] >> (bit % 64) & 1) told.insert(ack.selective_base + bit);
    }
  }
  for (std::uint32_t psn = 100; psn < 1100; psn += 2) EXPECT_TRUE(told.contains(psn)) << psn;
  EXPECT_FALSE(told.contains(101));
}

TEST_F(AcknowledgementStory, a_slot_is_late_by_the_standard_of_the_others) {
  for (std::uint8_t slot = 0; slot < 8; ++slot) arrive(0xffff'fff0 + slot, slot, 0);
  write();
  for (std::uint8_t slot = 0; slot < 8; ++slot) {
    arrive(0xffff'fff8 + slot, slot, 1, Duration::from_microseconds(slot == 5 ? 40 : 6));
  }
  const wire::SrdAcknowledgement ack = write();
  EXPECT_EQ(ack.late_slots, 1U << 5);
  EXPECT_EQ(ack.clean_slots, 0xffU & ~(1U << 5));
  EXPECT_NEAR(ack.queue_delay * 16, 1000, 32) << "the median, not the mean";
}

TEST_F(AcknowledgementStory, forgets_a_clock_that_was_set) {
  arrive(0xffff'fff0, 1, 0);
  arrive(0xffff'fff1, 1, 1, Duration::from_seconds(20));
  write();
  arrive(0xffff'fff2, 1, 2, Duration::from_seconds(20));
  EXPECT_EQ(write().queue_delay, 0);
}

TEST_F(AcknowledgementStory, names_refused_messages_in_turns_until_they_are_settled) {
  refusals.add(7, 1);
  refusals.add(8, 2);
  const std::uint32_t first = write().drop_psn;
  EXPECT_EQ(flags, wire::SrdFlags::kDrop);
  const std::uint32_t second = write().drop_psn;
  EXPECT_NE(first, second);
  refusals.remove(7);
  refusals.remove(8);
  write();
  EXPECT_EQ(flags, 0);
}

}  // namespace
}  // namespace enid::srd
