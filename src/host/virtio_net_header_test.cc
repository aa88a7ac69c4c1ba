#include "host/virtio_net_header.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/random.h"

namespace enid::host {
namespace {

using card::FrameOffload;
using card::Segmentation;
using Header = std::array<std::uint8_t, kVirtioNetHeaderBytes>;

struct Case {
  std::string name;
  Header header;  // flags, kind, header length, segment size, checksum start, offset; 16 bits little endian.
  std::size_t frame_bytes;
  bool is_accepted;
};

TEST(VirtioNetHeader, believes_only_notes_that_point_into_the_frame) {
  const std::vector<Case> cases = {
      {"plain", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 60, true},
      {"verified checksum", {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 60, true},
      {"TCP checksum to make", {1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0}, 60, true},
      {"checksum ends with the frame", {1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0}, 52, true},
      {"checksum one byte behind the frame", {1, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0}, 51, false},
      {"checksum begins in the Ethernet header", {1, 0, 0, 0, 0, 0, 13, 0, 16, 0, 0, 0}, 60, false},
      {"checksum sum overflows 16 bits", {1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0}, 60, false},
      {"TCP over IPv4 super-frame", {1, 1, 66, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0}, 9000, true},
      {"TCP over IPv6 super-frame", {1, 4, 86, 0, 0xa8, 5, 54, 0, 16, 0, 0, 0}, 9000, true},
      {"UDP super-frame", {1, 5, 42, 0, 0xa8, 5, 34, 0, 6, 0, 0, 0}, 9000, true},
      {"super-frame with congestion bit", {1, 0x81, 66, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0}, 9000, true},
      {"segments of no size", {1, 1, 66, 0, 0, 0, 34, 0, 16, 0, 0, 0}, 9000, false},
      {"super-frame without checksum", {0, 1, 66, 0, 0xa8, 5, 0, 0, 0, 0, 0, 0}, 9000, false},
      {"headers longer than the frame", {1, 1, 0xff, 0xff, 0xa8, 5, 34, 0, 16, 0, 0, 0}, 9000, false},
      {"legacy UDP fragmentation", {1, 3, 42, 0, 0xa8, 5, 34, 0, 6, 0, 0, 0}, 9000, false},
      {"unknown kind", {1, 9, 42, 0, 0xa8, 5, 34, 0, 6, 0, 0, 0}, 9000, false},
      {"congestion bit without segments", {1, 0x80, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0}, 60, false},
      {"congestion bit of UDP", {1, 0x85, 42, 0, 0xa8, 5, 34, 0, 6, 0, 0, 0}, 9000, false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(parse_virtio_net_header(c.header, c.frame_bytes).has_value(), c.is_accepted) << c.name;
  }
}

TEST(VirtioNetHeader, reads_each_field_from_its_place) {
  const Header header = {1, 0x81, 0x42, 0, 0xa8, 5, 34, 0, 16, 0, 0, 0};
  const auto offload = parse_virtio_net_header(header, 9000);
  ASSERT_TRUE(offload);
  EXPECT_TRUE(offload->checksum_needed);
  EXPECT_FALSE(offload->checksum_valid);
  EXPECT_EQ(offload->segmentation, Segmentation::kTcp4);
  EXPECT_TRUE(offload->explicit_congestion);
  EXPECT_EQ(offload->header_bytes, 66);
  EXPECT_EQ(offload->segment_bytes, 1448);
  EXPECT_EQ(offload->checksum_start, 34);
  EXPECT_EQ(offload->checksum_offset, 16);
}

TEST(VirtioNetHeader, writes_what_it_reads_again) {
  Random random(7);
  int accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    Header header;
    for (std::uint8_t& byte : header) byte = static_cast<std::uint8_t>(random.next());
    // Most random headers are refused for their kind; half of them get a possible one.
    if (i % 2 == 0)
      header[1] = static_cast<std::uint8_t>(std::array{0, 1, 4, 5, 0x81, 0x84}[random.below(6)]);
    const std::size_t frame_bytes = 14 + random.below(65'536);
    const auto first = parse_virtio_net_header(header, frame_bytes);
    if (!first) continue;
    ++accepted;
    Header written;
    write_virtio_net_header(*first, written);
    const auto second = parse_virtio_net_header(written, frame_bytes);
    ASSERT_TRUE(second);
    Header again;
    write_virtio_net_header(*second, again);
    ASSERT_EQ(written, again);
    if (first->checksum_needed) {
      ASSERT_LE(first->checksum_start + first->checksum_offset + 2, static_cast<int>(frame_bytes));
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace enid::host
