// Segments that become super-frames again: against the segmenter, which cut them.
#include "card/frame_merger.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/random.h"
#include "card/card_lab.h"
#include "wire/frame_layout.h"
#include "wire/segmenter.h"

namespace enid::card {
namespace {

constexpr std::size_t kPayloadAt = 54;

class Merging : public testing::Test {
 protected:
  // A TCP stream's piece, whole and sound, whose bytes are their places in the stream.
  std::vector<std::uint8_t> piece(std::uint32_t at, std::size_t bytes, std::uint16_t port = 1000,
                                  std::uint8_t flags = wire::tcp_flag::kAck) {
    TestPacket packet{.from = "10.0.1.5",
                      .to = "10.0.1.6",
                      .protocol = wire::ip_protocol::kTcp,
                      .source_port = port,
                      .flags = flags,
                      .payload = static_cast<std::uint16_t>(bytes)};
    auto frame = lab.frame_of("a", packet);
    store_be32(frame.data() + 34 + 4, at);
    for (std::size_t i = 0; i < bytes; ++i) frame[kPayloadAt + i] = static_cast<std::uint8_t>((at + i) * 7);
    finish(frame);
    return frame;
  }
  static void finish(std::vector<std::uint8_t>& frame) {
    store_be16(frame.data() + 34 + 16, 0);
    const wire::FrameLayout layout = wire::read_layout(frame);
    const std::size_t bytes = layout.end - layout.l4_offset;
    store_be16(frame.data() + 34 + 16,
               wire::internet_checksum(ConstBytes(frame).subspan(34, bytes),
                                       wire::pseudo_header_sum(frame, layout, bytes)));
  }
  void add(std::vector<std::uint8_t> frame) { kept.push_back(std::move(frame)); }
  // The frames that are left, in order.
  std::vector<Frame> merged() {
    std::vector<Frame> frames;
    for (auto& frame : kept) frames.push_back({frame, {}});
    std::vector<bool> gone(frames.size());
    for (const auto& joined : merger.merge(frames)) {
      EXPECT_LT(joined.into, joined.segment);
      gone[joined.segment] = true;
    }
    std::vector<Frame> left;
    for (std::size_t i = 0; i < frames.size(); ++i)
      if (!gone[i]) left.push_back(frames[i]);
    return left;
  }

  CardLab lab;
  FrameMerger merger;
  std::vector<std::vector<std::uint8_t>> kept;
};

TEST_F(Merging, segments_that_follow_each_other_are_one_frame_that_says_how_it_was_cut) {
  for (std::uint32_t i = 0; i < 4; ++i) add(piece(i * 1000, 1000));
  add(piece(4000, 300, 1000, wire::tcp_flag::kAck | wire::tcp_flag::kPsh));
  const auto left = merged();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].bytes.size(), kPayloadAt + 4300);
  EXPECT_EQ(left[0].offload.segmentation, Segmentation::kTcp4);
  EXPECT_EQ(left[0].offload.segment_bytes, 1000);
  // Cut again, each is what it was but for its identification.
  const wire::FrameLayout layout = wire::read_layout(left[0].bytes);
  auto segments = wire::Segmenter::create(left[0].bytes, layout, 1000);
  ASSERT_TRUE(segments);
  for (const auto& original : kept) {
    ASSERT_TRUE(segments->next());
    EXPECT_TRUE(std::ranges::equal(segments->payload(), ConstBytes(original).subspan(kPayloadAt)));
    EXPECT_TRUE(std::ranges::equal(segments->headers().subspan(34), ConstBytes(original).subspan(34, 20)))
        << "TCP's header and checksum";
  }
  EXPECT_FALSE(segments->next());
  // The checksum that is noted as still to be made would be right.
  std::vector<std::uint8_t> whole(left[0].bytes.begin(), left[0].bytes.end());
  const std::uint16_t made = wire::internet_checksum(ConstBytes(whole).subspan(34));
  store_be16(whole.data() + 50, made);
  const std::size_t bytes = layout.end - layout.l4_offset;
  EXPECT_EQ(wire::internet_checksum(ConstBytes(whole).subspan(34, bytes),
                                    wire::pseudo_header_sum(whole, layout, bytes)),
            0);
}

TEST_F(Merging, flows_are_merged_each_on_its_own) {
  for (std::uint32_t i = 0; i < 3; ++i)
    for (const std::uint16_t port : {std::uint16_t{1000}, std::uint16_t{2000}})
      add(piece(i * 500, 500, port));
  const auto left = merged();
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].bytes.size(), kPayloadAt + 1500);
  EXPECT_EQ(left[1].bytes.size(), kPayloadAt + 1500);
}

TEST_F(Merging, what_differs_stays_alone_and_in_its_place) {
  const auto with = [&](std::size_t at, std::uint8_t value) {
    auto frame = piece(500, 500);
    frame[at] = value;
    finish(frame);
    return frame;
  };
  const std::vector<std::vector<std::uint8_t>> others{
      piece(600, 500),                                                     // A gap.
      piece(500, 501),                                                     // Longer than the first.
      piece(500, 500, 1000, wire::tcp_flag::kAck | wire::tcp_flag::kFin),  // A flag.
      with(34 + 11, 9),                                                    // Another acknowledgement,
      with(34 + 15, 9),                                                    // another window,
      with(14 + 1, 4),                                                     // another type of service,
      with(14 + 8, 9),                                                     // another time to live,
      with(0, 9),                                                          // another receiver.
  };
  for (std::size_t i = 0; i < others.size(); ++i) {
    SCOPED_TRACE(i);
    kept.clear();
    add(piece(0, 500));
    add(others[i]);
    add(piece(500, 500));
    const auto left = merged();
    ASSERT_EQ(left.size(), 3u) << "nothing passes one of its own flow";
  }
  kept.clear();
  add(piece(0, 500));
  add(piece(500, 500));
  kept.back()[60] ^= 1;
  EXPECT_EQ(merged().size(), 2u) << "a damaged one is the instance's to throw away";
}

TEST_F(Merging, a_frame_grows_to_64_kilobytes_and_no_further) {
  for (std::uint32_t i = 0; i < 40; ++i) add(piece(i * 8900, 8900));
  for (const Frame& frame : merged()) {
    EXPECT_LE(frame.bytes.size(), 65'535u + 14);
    EXPECT_GT(frame.bytes.size(), 30'000u);
  }
}

TEST_F(Merging, by_chance_no_byte_is_lost_and_no_flow_loses_its_order) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    kept.clear();
    std::array<std::uint32_t, 3> at{};
    std::array<std::vector<std::uint8_t>, 3> sent, received;
    for (std::size_t i = 0; i < 1 + random.below(64); ++i) {
      const auto flow = static_cast<std::size_t>(random.below(3));
      const std::size_t bytes = random.below(4) == 0 ? random.below(900) : 900;
      const std::uint8_t flags = random.below(6) == 0 ? 0x18 : random.below(12) == 0 ? 0x11 : 0x10;
      if (random.below(15) == 0) at[flow] += 5;
      add(piece(at[flow], bytes, static_cast<std::uint16_t>(1000 + flow), flags));
      sent[flow].insert(sent[flow].end(), kept.back().begin() + kPayloadAt, kept.back().end());
      at[flow] += static_cast<std::uint32_t>(bytes);
      if (random.below(20) == 0) kept.back().resize(random.below(60));  // Cut short: of no flow's stream.
      if (kept.back().size() < kPayloadAt + bytes) sent[flow].resize(sent[flow].size() - bytes);
    }
    for (const Frame& frame : merged()) {
      if (frame.bytes.size() < kPayloadAt || wire::read_layout(frame.bytes).end != frame.bytes.size())
        continue;
      auto& to = received[load_be16(frame.bytes.data() + 34) - 1000u];
      to.insert(to.end(), frame.bytes.begin() + kPayloadAt, frame.bytes.end());
    }
    ASSERT_EQ(sent, received);
  }
}

}  // namespace
}  // namespace enid::card
