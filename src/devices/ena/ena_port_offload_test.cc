// Checksums and segmentation, both ways, against slow and obvious code.

#include <gtest/gtest.h>

#include "base/random.h"
#include "devices/ena/ring_driver.h"

namespace enid::devices::ena {
namespace {

using card::FrameOffload;
using card::Segmentation;
using Octets = std::vector<std::uint8_t>;

constexpr std::uint32_t kSegments = 1u << 7, kMakesL3 = 1u << 13, kMakesL4 = 1u << 14, kPartial = 1u << 17;

// --- The obvious code: 16-bit words, one after the other ---

std::uint16_t slow_sum(const Octets& bytes, std::size_t from, std::size_t to, std::uint32_t sum = 0) {
  for (std::size_t i = from; i < to; i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | (i + 1 < to ? bytes[i + 1] : 0));
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

void put16(Octets& bytes, std::size_t at, std::size_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}
void put32(Octets& bytes, std::size_t at, std::uint32_t value) {
  put16(bytes, at, value >> 16);
  put16(bytes, at + 2, value & 0xffff);
}

struct Shape {
  bool is_ipv6 = false;
  bool is_udp = false;
  bool has_vlan = false;
  std::size_t ip_options = 0;   // IPv4's, or the bytes of an IPv6 extension header; multiples of 8.
  std::size_t tcp_options = 0;  // A multiple of 4.
  std::uint8_t flags = 0x18;
  std::uint16_t identification = 0;
  std::uint32_t sequence = 0;

  std::size_t ip_at() const { return has_vlan ? 18 : 14; }
  std::size_t l4_at() const { return ip_at() + (is_ipv6 ? 40 : 20) + ip_options; }
  std::size_t headers() const { return l4_at() + (is_udp ? 8 : 20 + tcp_options); }
  std::size_t checksum_at() const { return l4_at() + (is_udp ? 6 : 16); }
};

std::uint16_t slow_pseudo_sum(const Shape& shape, const Octets& frame) {
  const std::size_t addresses = shape.ip_at() + (shape.is_ipv6 ? 8 : 12);
  const auto rest = static_cast<std::uint32_t>((shape.is_udp ? 17 : 6) + frame.size() - shape.l4_at());
  return slow_sum(frame, addresses, addresses + (shape.is_ipv6 ? 32 : 8), rest);
}

// Whole and right: lengths and checksums.
Octets frame_of(const Shape& shape, const Octets& payload) {
  Octets frame(shape.headers());
  for (std::size_t i = 0; i < 12; ++i) frame[i] = static_cast<std::uint8_t>(2 * i);
  if (shape.has_vlan) put32(frame, 12, 0x8100'0007);
  put16(frame, shape.ip_at() - 2, shape.is_ipv6 ? 0x86dd : 0x0800);
  frame.insert(frame.end(), payload.begin(), payload.end());
  const std::size_t ip = shape.ip_at();
  const std::size_t l4 = shape.l4_at();
  const std::uint8_t protocol = shape.is_udp ? 17 : 6;
  if (shape.is_ipv6) {
    frame[ip] = 0x60;
    put16(frame, ip + 4, frame.size() - ip - 40);
    frame[ip + 6] = shape.ip_options != 0 ? 60 : protocol;
    frame[ip + 7] = 64;
    for (std::size_t i = 8; i < 40; ++i) frame[ip + i] = static_cast<std::uint8_t>(i * 7);
    if (shape.ip_options != 0) {
      frame[ip + 40] = protocol;
      frame[ip + 41] = static_cast<std::uint8_t>(shape.ip_options / 8 - 1);
    }
  } else {
    frame[ip] = static_cast<std::uint8_t>(0x45 + shape.ip_options / 4);
    put16(frame, ip + 2, frame.size() - ip);
    put16(frame, ip + 4, shape.identification);
    put16(frame, ip + 6, 0x4000);
    frame[ip + 8] = 64;
    frame[ip + 9] = protocol;
    put32(frame, ip + 12, 0x0a00'0102);
    put32(frame, ip + 16, 0x0a00'ff03);
    for (std::size_t i = 20; i < 20 + shape.ip_options; ++i) frame[ip + i] = 1;
    put16(frame, ip + 10, static_cast<std::uint16_t>(~slow_sum(frame, ip, l4)));
  }
  put16(frame, l4, 40'000);
  put16(frame, l4 + 2, 5'201);
  if (shape.is_udp) {
    put16(frame, l4 + 4, frame.size() - l4);
  } else {
    put32(frame, l4 + 4, shape.sequence);
    put32(frame, l4 + 8, 0x1234'5678);
    frame[l4 + 12] = static_cast<std::uint8_t>((20 + shape.tcp_options) / 4 << 4);
    frame[l4 + 13] = shape.flags;
    put16(frame, l4 + 14, 0x7fff);
    for (std::size_t i = 20; i < 20 + shape.tcp_options; ++i) frame[l4 + i] = static_cast<std::uint8_t>(i);
  }
  const auto checksum =
      static_cast<std::uint16_t>(~slow_sum(frame, l4, frame.size(), slow_pseudo_sum(shape, frame)));
  put16(frame, shape.checksum_at(), checksum == 0 ? 0xffff : checksum);
  return frame;
}

// The packets that a sender would have made itself, each from its own payload.
std::vector<Octets> slow_segments(Shape shape, const Octets& payload, std::size_t segment_bytes) {
  std::vector<Octets> packets;
  const std::uint8_t flags = shape.flags;
  for (std::size_t at = 0; at < payload.size(); at += segment_bytes) {
    const std::size_t end = std::min(payload.size(), at + segment_bytes);
    shape.flags = flags;
    if (end != payload.size()) shape.flags &= 0xf6;  // FIN and PSH are the last one's.
    if (at != 0) shape.flags &= 0x7f;                // CWR is the first one's.
    packets.push_back(frame_of(shape, {payload.begin() + static_cast<std::ptrdiff_t>(at),
                                       payload.begin() + static_cast<std::ptrdiff_t>(end)}));
    shape.sequence += static_cast<std::uint32_t>(end - at);
    ++shape.identification;
  }
  return packets;
}

Octets random_payload(Random& random, std::size_t bytes) {
  Octets payload(bytes);
  for (auto& byte : payload) byte = static_cast<std::uint8_t>(random.next());
  return payload;
}

Shape random_shape(Random& random) {
  Shape shape;
  shape.is_ipv6 = random.below(2) != 0;
  shape.is_udp = random.below(4) == 0;
  shape.has_vlan = random.below(4) == 0;
  shape.ip_options = random.below(3) == 0 ? 8 * random.below(5) : 0;
  shape.tcp_options = 4 * random.below(11);
  shape.flags = static_cast<std::uint8_t>(random.next());
  shape.identification = static_cast<std::uint16_t>(random.next());
  shape.sequence = static_cast<std::uint32_t>(random.next());
  return shape;
}

// As a neighbour's super-frame crosses the card: one packet, its checksum begun.
card::Frame super_frame(const Shape& shape, Octets& bytes, std::size_t segment_bytes) {
  put16(bytes, shape.checksum_at(), slow_pseudo_sum(shape, bytes));
  FrameOffload offload;
  offload.checksum_needed = true;
  offload.checksum_start = static_cast<std::uint16_t>(shape.l4_at());
  offload.checksum_offset = shape.is_udp ? 6 : 16;
  offload.header_bytes = static_cast<std::uint16_t>(shape.headers());
  offload.segment_bytes = static_cast<std::uint16_t>(segment_bytes);
  offload.segmentation = shape.is_udp    ? Segmentation::kUdp
                         : shape.is_ipv6 ? Segmentation::kTcp6
                                         : Segmentation::kTcp4;
  return {bytes, offload};
}

void expect_checked(const RingDriver::Received& frame, const Shape& shape) {
  EXPECT_EQ(frame.status & 0x1f, shape.is_ipv6 ? kProtocolIpv6 : kProtocolIpv4);
  EXPECT_EQ(frame.status >> 8 & 0x1f, shape.is_udp ? kProtocolUdp : kProtocolTcp);
  EXPECT_NE(frame.status & receive_status::kL4ChecksumChecked, 0u);
  EXPECT_EQ(frame.status & (receive_status::kL4ChecksumError | receive_status::kL3ChecksumError), 0u);
}

// --- To the guest ---

void expect_cut_as_by_the_slow_code(bool merges, std::uint64_t seed) {
  Random random(seed);
  RingDriver driver({.queue_pairs = 1, .mtu = 9001, .merges_segments = merges});
  RingDriver::Pair& pair = driver.make_pair(0, 1024);
  for (int round = 0; round < 1'000; ++round) {
    while (pair.posted.size() < 1'000) driver.post(0, 1, 2'048);
    const Shape shape = random_shape(random);
    const std::size_t mtu = 1'500 + random.below(7'502);
    driver.port->set_mtu(static_cast<std::uint32_t>(mtu));
    const std::size_t headers = shape.headers() - shape.ip_at();
    const std::size_t segment_bytes = 100 + random.below(mtu - headers - 100 + 1);
    const Octets payload = random_payload(random, 1 + random.below(20'000));
    Octets bytes = frame_of(shape, payload);
    const card::Frame frame = super_frame(shape, bytes, segment_bytes);
    const Octets before = bytes;
    ASSERT_EQ(driver.port->transmit({&frame, 1}), 1u);
    ASSERT_EQ(bytes, before);  // Others may get it, too.
    const bool is_merged = merges && !shape.is_udp;
    const std::size_t each = is_merged ? (mtu - headers) / segment_bytes * segment_bytes : segment_bytes;
    const auto expected = slow_segments(shape, payload, each);
    const auto came = driver.received(0);
    ASSERT_EQ(came.size(), expected.size());
    for (std::size_t i = 0; i < came.size(); ++i) {
      ASSERT_EQ(came[i].bytes, expected[i]) << "packet " << i << " of " << came.size();
      expect_checked(came[i], shape);
    }
  }
}

TEST(EnaSegmentation, cuts_as_the_sender_would_have) { expect_cut_as_by_the_slow_code(false, 21); }
TEST(EnaSegmentation, hands_over_as_many_segments_at_once_as_the_mtu_takes) {
  expect_cut_as_by_the_slow_code(true, 22);
}

TEST(EnaSegmentation, a_full_ring_loses_the_rest_and_counts_it) {
  RingDriver driver({.queue_pairs = 1, .mtu = 1500, .merges_segments = false});
  driver.make_pair(0);
  driver.post(0, 10, 2'048);
  Random random(1);
  const Shape shape;
  Octets bytes = frame_of(shape, random_payload(random, 40'000));
  const card::Frame frame = super_frame(shape, bytes, 1'000);
  EXPECT_EQ(driver.port->transmit({&frame, 1}), 1u);
  EXPECT_EQ(driver.received(0).size(), 10u);
  EXPECT_EQ(driver.port->receive_statistics(0).overruns, 30u);
  EXPECT_EQ(driver.port->transmit({&frame, 1}), 0u);
  EXPECT_EQ(driver.port->receive_statistics(0).overruns, 70u);
}

TEST(EnaSegmentation, segments_beyond_the_guests_mtu_are_dropped) {
  RingDriver driver({.queue_pairs = 1, .mtu = 1500});
  driver.make_pair(0);
  driver.post(0, 40, 2'048);
  Random random(1);
  Octets bytes = frame_of(Shape{}, random_payload(random, 40'000));
  const card::Frame frame = super_frame(Shape{}, bytes, 1'461);
  EXPECT_EQ(driver.port->transmit({&frame, 1}), 0u);
  EXPECT_TRUE(driver.received(0).empty());
  EXPECT_EQ(driver.port->statistics().receive_drops, 1u);
}

TEST(EnaSegmentation, headers_alone_are_one_packet) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 4, 2'048);
  const Octets whole = frame_of(Shape{}, {});
  Octets bytes = whole;
  const card::Frame frame = super_frame(Shape{}, bytes, 1'000);
  EXPECT_EQ(driver.port->transmit({&frame, 1}), 1u);
  const auto came = driver.received(0);
  ASSERT_EQ(came.size(), 1u);
  EXPECT_EQ(came[0].bytes, whole);
}

TEST(EnaSegmentation, notes_that_lie_bring_nothing) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 40, 2'048);
  Octets nonsense(200, 0x11);
  FrameOffload offload;
  offload.segmentation = Segmentation::kTcp4;
  offload.checksum_needed = true;
  offload.segment_bytes = 100;
  card::Frame frame{nonsense, offload};
  EXPECT_EQ(driver.port->transmit({&frame, 1}), 0u);
  Octets bytes = frame_of(Shape{}, Octets(1'000));
  frame = super_frame(Shape{}, bytes, 0);
  EXPECT_EQ(driver.port->transmit({&frame, 1}), 0u);
  frame.offload.segmentation = Segmentation::kNone;
  frame.offload.checksum_start = 0xffff;
  frame.offload.checksum_offset = 0xffff;
  EXPECT_EQ(driver.port->transmit({&frame, 1}), 0u);
  EXPECT_TRUE(driver.received(0).empty());
}

TEST(EnaChecksum, an_unfinished_one_is_finished_and_told_as_checked) {
  Random random(5);
  RingDriver driver;
  RingDriver::Pair& pair = driver.make_pair(0, 256);
  for (int round = 0; round < 2'000; ++round) {
    while (pair.posted.size() < 200) driver.post(0, 1, static_cast<std::uint32_t>(64 + random.below(4'000)));
    const Shape shape = random_shape(random);
    const Octets whole = frame_of(shape, random_payload(random, random.below(900)));
    Octets bytes = whole;
    card::Frame frame = super_frame(shape, bytes, 0);
    frame.offload.segmentation = Segmentation::kNone;
    ASSERT_EQ(driver.port->transmit({&frame, 1}), 1u);
    const auto came = driver.received(0);
    ASSERT_EQ(came.size(), 1u);
    ASSERT_EQ(came[0].bytes, whole);
    expect_checked(came[0], shape);
  }
}

TEST(EnaChecksum, a_strangers_frame_is_verified) {
  RingDriver driver;
  driver.make_pair(0);
  driver.post(0, 32, 2'048);
  const auto status_of = [&](Octets bytes, FrameOffload offload = {}) {
    const card::Frame frame{bytes, offload};
    EXPECT_EQ(driver.port->transmit({&frame, 1}), 1u);
    return driver.received(0).at(0).status;
  };
  const Octets right = frame_of(Shape{}, Octets(100, 7));
  EXPECT_NE(status_of(right) & receive_status::kL4ChecksumChecked, 0u);
  EXPECT_EQ(status_of(right) & receive_status::kL4ChecksumError, 0u);
  Octets wrong = right;
  wrong.back() ^= 1;
  EXPECT_NE(status_of(wrong) & receive_status::kL4ChecksumError, 0u);
  EXPECT_EQ(status_of(wrong, {.checksum_valid = true}) & receive_status::kL4ChecksumError, 0u);
  wrong = right;
  wrong[14 + 8] ^= 1;
  EXPECT_NE(status_of(wrong) & receive_status::kL3ChecksumError, 0u);
  Octets without = frame_of({.is_udp = true}, Octets(100, 7));
  put16(without, 14 + 20 + 6, 0);
  EXPECT_EQ(status_of(without) & receive_status::kL4ChecksumChecked, 0u);
  Octets fragment = right;
  put16(fragment, 14 + 6, 0x2000);
  EXPECT_NE(status_of(fragment) & receive_status::kFragment, 0u);
  EXPECT_EQ(status_of(fragment) & receive_status::kL4ChecksumChecked, 0u);
  Octets padded = right;
  padded.resize(padded.size() + 7, 0xaa);  // Ethernet's padding is not the packet's.
  EXPECT_EQ(status_of(padded) & receive_status::kL4ChecksumError, 0u);
}

// --- From the guest ---

class EnaOffload : public testing::Test {
 protected:
  // What the card gets of a packet; empty when it was dropped.
  std::optional<card::Frame> send(const Octets& packet, const RingDriver::Sending& how) {
    driver_.send(0, packet, how);
    const auto frames = driver_.poll();
    EXPECT_EQ(driver_.transmitted(0).size(), 1u);
    if (frames.empty()) return std::nullopt;
    return frames[0];
  }
  RingDriver driver_;
  RingDriver::Pair& pair_ = driver_.make_pair(0);
};

TEST_F(EnaOffload, a_plain_checksum_is_noted_with_the_guests_sum) {
  Octets packet = frame_of(Shape{}, Octets(100, 3));
  put16(packet, 14 + 20 + 16, slow_pseudo_sum(Shape{}, packet));
  const auto frame = send(packet, {.notes = kMakesL4 | kPartial | 12u << 8 | 8});
  ASSERT_TRUE(frame);
  EXPECT_TRUE(frame->offload.checksum_needed);
  EXPECT_EQ(frame->offload.checksum_start, 34);
  EXPECT_EQ(frame->offload.checksum_offset, 16);
  EXPECT_EQ(frame->offload.segmentation, Segmentation::kNone);
  EXPECT_EQ(Octets(frame->bytes.begin(), frame->bytes.end()), packet);
}

TEST_F(EnaOffload, a_whole_checksum_begins_with_the_devices_sum) {
  const Shape shape{.is_ipv6 = true, .is_udp = true};
  const Octets whole = frame_of(shape, Octets(100, 3));
  Octets expected = whole;
  put16(expected, shape.checksum_at(), slow_pseudo_sum(shape, whole));
  const auto frame = send(whole, {.notes = kMakesL4 | 13u << 8 | 11});
  ASSERT_TRUE(frame);
  EXPECT_TRUE(frame->offload.checksum_needed);
  EXPECT_EQ(Octets(frame->bytes.begin(), frame->bytes.end()), expected);
}

TEST_F(EnaOffload, an_ip_checksum_alone_is_made_at_once) {
  const Octets whole = frame_of(Shape{}, Octets(100, 3));
  Octets packet = whole;
  put16(packet, 14 + 10, 0xdead);
  const auto frame = send(packet, {.notes = kMakesL3 | 8});
  ASSERT_TRUE(frame);
  EXPECT_FALSE(frame->offload.checksum_needed);
  EXPECT_EQ(Octets(frame->bytes.begin(), frame->bytes.end()), whole);
}

TEST_F(EnaOffload, any_super_frame_leaves_as_virtio_expects_it) {
  Random random(9);
  for (int round = 0; round < 1'000; ++round) {
    Shape shape = random_shape(random);
    shape.is_udp = false;
    const auto segment_bytes = static_cast<std::uint16_t>(48 + random.below(9'000));
    Octets expected = frame_of(shape, random_payload(random, random.below(60'000)));
    Octets packet = expected;
    put16(expected, shape.checksum_at(), slow_pseudo_sum(shape, expected));
    put16(packet, shape.checksum_at(), random.next());
    if (shape.is_ipv6) {
      put16(packet, shape.ip_at() + 4, 0);
    } else {
      put16(packet, shape.ip_at() + 2, 0);
      put16(packet, shape.ip_at() + 10, random.next());
    }
    const auto frame = send(
        packet, {.cuts = {200}, .notes = kSegments | kMakesL3 | kMakesL4, .segment_bytes = segment_bytes});
    ASSERT_TRUE(frame);
    ASSERT_EQ(Octets(frame->bytes.begin(), frame->bytes.end()), expected);
    ASSERT_TRUE(frame->offload.checksum_needed);
    ASSERT_EQ(frame->offload.checksum_start, shape.l4_at());
    if (packet.size() - shape.headers() <= segment_bytes) {
      ASSERT_EQ(frame->offload.segmentation, Segmentation::kNone);
      continue;
    }
    ASSERT_EQ(frame->offload.segmentation, shape.is_ipv6 ? Segmentation::kTcp6 : Segmentation::kTcp4);
    ASSERT_EQ(frame->offload.segment_bytes, segment_bytes);
    ASSERT_EQ(frame->offload.header_bytes, shape.headers());
    ASSERT_EQ(frame->offload.explicit_congestion, (shape.flags & 0x80) != 0);
  }
}

TEST_F(EnaOffload, a_meta_descriptor_counts_until_the_next_one) {
  const Octets packet = frame_of(Shape{}, Octets(10'000, 3));
  const std::uint32_t notes = kSegments | kMakesL3 | kMakesL4;
  EXPECT_EQ(send(packet, {.notes = notes, .segment_bytes = 1'448})->offload.segment_bytes, 1'448);
  EXPECT_EQ(send(packet, {.notes = notes})->offload.segment_bytes, 1'448);
  EXPECT_EQ(send(packet, {.notes = notes, .segment_bytes = 900, .stores_meta = false})->offload.segment_bytes,
            900);
  EXPECT_EQ(send(packet, {.notes = notes})->offload.segment_bytes, 1'448);
  driver_.start_port();  // It outlives the port.
  driver_.attach_pair(0, true);
  EXPECT_EQ(send(packet, {.notes = notes})->offload.segment_bytes, 1'448);
  EXPECT_EQ(send(packet, {.notes = notes, .segment_bytes = 536})->offload.segment_bytes, 536);
  EXPECT_EQ(send(packet, {.notes = notes})->offload.segment_bytes, 536);
}

TEST_F(EnaOffload, notes_that_do_not_fit_the_packet_drop_it) {
  const std::uint32_t notes = kSegments | kMakesL3 | kMakesL4;
  const Octets packet = frame_of(Shape{}, Octets(10'000, 3));
  EXPECT_FALSE(send(packet, {.notes = notes}));  // No segment's size was ever told.
  EXPECT_FALSE(send(packet, {.notes = notes, .segment_bytes = 47}));
  EXPECT_FALSE(send(Octets(1'000, 0x22), {.notes = notes, .segment_bytes = 1'000}));
  EXPECT_FALSE(send(frame_of({.is_udp = true}, Octets(9'000)), {.notes = notes, .segment_bytes = 1'000}));
  EXPECT_FALSE(send(Octets(packet.begin(), packet.begin() + 40), {.notes = kMakesL4 | kPartial}));
  Octets fragment = frame_of(Shape{}, Octets(100));
  put16(fragment, 14 + 6, 0x2000);
  EXPECT_FALSE(send(fragment, {.notes = kMakesL4 | kPartial}));
  EXPECT_EQ(driver_.port->statistics().transmit_drops, 6u);
  EXPECT_FALSE(driver_.port->is_broken());
}

// One guest's super-frame, another guest's packets.
TEST(EnaSegmentation, from_guest_to_guest) {
  Random random(31);
  RingDriver sender;
  sender.make_pair(0, 64, Placement::kLowLatency);
  RingDriver receiver({.queue_pairs = 1, .mtu = 1500, .merges_segments = true});
  RingDriver::Pair& pair = receiver.make_pair(0, 256);
  for (int round = 0; round < 200; ++round) {
    while (pair.posted.size() < 200) receiver.post(0, 1, 2'048);
    const Shape shape{.tcp_options = 12, .identification = 77, .sequence = 0xffff'0000};
    const Octets payload = random_payload(random, 10'000 + random.below(50'000));
    sender.send(0, frame_of(shape, payload),
                {.notes = kSegments | kMakesL3 | kMakesL4, .segment_bytes = 1'448, .pushed = 66});
    const auto frames = sender.poll();
    ASSERT_EQ(frames.size(), 1u);
    ASSERT_EQ(receiver.port->transmit(frames), 1u);
    sender.transmitted(0);
    const auto expected = slow_segments(shape, payload, 1'448);
    const auto came = receiver.received(0);
    ASSERT_EQ(came.size(), expected.size());
    for (std::size_t i = 0; i < came.size(); ++i) ASSERT_EQ(came[i].bytes, expected[i]);
  }
}

}  // namespace
}  // namespace enid::devices::ena
