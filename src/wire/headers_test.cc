#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/random.h"
#include "wire/arp.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace enid::wire {
namespace {

std::vector<std::uint8_t> random_bytes(Random& random, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return bytes;
}

// RFC 1071 section 1, word for word: add 16-bit words with end-around carry, then complement.
std::uint16_t slow_checksum(ConstBytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8) | (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<std::uint16_t>(~sum);
}

TEST(Checksum, is_that_of_rfc_1071_for_every_length) {
  Random random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    const auto bytes = random_bytes(random, size);
    EXPECT_EQ(internet_checksum(bytes), slow_checksum(bytes)) << size;
  }
}

TEST(Checksum, is_repaired_when_one_word_changes) {
  Random random(8);
  for (int round = 0; round < 1000; ++round) {
    auto bytes = random_bytes(random, 20);
    const std::uint16_t before = internet_checksum(bytes);
    const std::size_t at = random.below(10) * 2;
    const std::uint16_t old_word = load_be16(&bytes[at]);
    const auto new_word = static_cast<std::uint16_t>(random.next());
    store_be16(&bytes[at], new_word);
    const std::uint16_t repaired = checksum_update(before, old_word, new_word);
    // Two forms of zero exist in ones' complement; a receiver takes both.
    EXPECT_EQ(checksum_fold(checksum_add(repaired, bytes)), 0xffff);
  }
}

TEST(Ipv4, what_is_written_is_read_back) {
  std::array<std::uint8_t, 28> packet{};
  Ipv4Header header;
  header.total_bytes = 28;
  header.identification = 77;
  header.fragment = Ipv4Header::kDontFragment;
  header.protocol = ip_protocol::kUdp;
  header.source = *Ipv4Address::parse("10.0.1.5");
  header.destination = *Ipv4Address::parse("10.0.2.6");
  header.write(packet);
  const auto read = Ipv4Header::parse(packet);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->source.text(), "10.0.1.5");
  EXPECT_EQ(read->destination.text(), "10.0.2.6");
  EXPECT_TRUE(read->dont_fragment());
  EXPECT_FALSE(read->is_fragment());
  EXPECT_EQ(internet_checksum(ConstBytes(packet).first(20)), 0);
}

TEST(Ipv4, lengths_that_lie_are_refused) {
  std::array<std::uint8_t, 28> packet{};
  Ipv4Header header;
  header.total_bytes = 29;
  header.write(packet);
  EXPECT_FALSE(Ipv4Header::parse(packet));  // Longer than the packet.
  header.total_bytes = 19;
  header.write(packet);
  EXPECT_FALSE(Ipv4Header::parse(packet));  // Shorter than its header.
  header.total_bytes = 28;
  header.write(packet);
  packet[0] = 0x44;
  EXPECT_FALSE(Ipv4Header::parse(packet));  // A header of 16 bytes.
  packet[0] = 0x65;
  EXPECT_FALSE(Ipv4Header::parse(packet));  // Version 6.
}

TEST(Ipv6, the_payload_is_found_behind_extension_headers) {
  std::vector<std::uint8_t> packet(40 + 8 + 16 + 8, 0);
  Ipv6Header header;
  header.payload_bytes = 32;
  header.next_header = ip_protocol::kHopByHop;
  header.write(packet);
  packet[40] = ip_protocol::kDestinationOptions;
  packet[48] = ip_protocol::kUdp;
  packet[49] = 1;  // 16 bytes long.
  const auto read = Ipv6Header::parse(packet);
  ASSERT_TRUE(read);
  const auto payload = find_ipv6_payload(*read, packet);
  ASSERT_TRUE(payload);
  EXPECT_EQ(payload->protocol, ip_protocol::kUdp);
  EXPECT_EQ(payload->offset, 64u);

  packet[49] = 20;  // Behind the packet's end.
  EXPECT_FALSE(find_ipv6_payload(*read, packet));
}

TEST(Ipv6, what_follows_a_later_fragments_header_is_not_read_as_a_header) {
  std::vector<std::uint8_t> packet(40 + 8 + 8, 0xff);
  Ipv6Header header;
  header.payload_bytes = 16;
  header.next_header = ip_protocol::kFragment;
  header.write(packet);
  packet[40] = ip_protocol::kHopByHop;
  store_be16(&packet[42], 0x0010);
  const auto payload = find_ipv6_payload(*Ipv6Header::parse(packet), packet);
  ASSERT_TRUE(payload);
  EXPECT_TRUE(payload->is_fragment);
  EXPECT_FALSE(payload->is_first_fragment);
}

TEST(Arp, what_is_written_is_read_back) {
  std::array<std::uint8_t, ArpPacket::kBytes> bytes{};
  const ArpPacket packet{ArpPacket::kReply, *MacAddress::parse("02:00:00:00:00:01"), {1}, {}, {2}};
  packet.write(bytes);
  const auto read = ArpPacket::parse(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->operation, ArpPacket::kReply);
  EXPECT_EQ(read->sender_mac.text(), "02:00:00:00:00:01");
  EXPECT_EQ(read->target_address.value, 2u);
  bytes[1] = 6;  // IEEE 802 networks.
  EXPECT_FALSE(ArpPacket::parse(bytes));
}

TEST(Icmp, an_error_quotes_the_packet_and_is_complete) {
  std::vector<std::uint8_t> packet(1500, 0x42);
  Ipv4Header header;
  header.total_bytes = 1500;
  header.protocol = ip_protocol::kUdp;
  header.source = *Ipv4Address::parse("10.0.1.5");
  header.destination = *Ipv4Address::parse("10.0.2.6");
  header.write(packet);
  std::array<std::uint8_t, kIcmpErrorBytesMax> frame{};
  IcmpErrorSpec spec;
  spec.router = *Ipv4Address::parse("10.0.1.1");
  spec.type = icmp_type::kDestinationUnreachable;
  spec.code = icmp_unreachable::kFragmentationNeeded;
  spec.next_hop_mtu = 1400;
  const std::size_t bytes = write_icmp_error(spec, packet, frame);
  ASSERT_EQ(bytes, kIcmpErrorBytesMax);
  const ConstBytes ip = ConstBytes(frame).subspan(14);
  const auto answer = Ipv4Header::parse(ip);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->destination.text(), "10.0.1.5");
  EXPECT_EQ(internet_checksum(ip.subspan(20)), 0);
  EXPECT_EQ(IcmpHeader::parse(ip.subspan(20))->sequence, 1400);
  EXPECT_EQ(Ipv4Header::parse(packet)->identification, load_be16(&ip[28 + 4]));
}

TEST(Icmp, no_error_is_sent_about_an_error) {
  std::vector<std::uint8_t> packet(60, 0);
  Ipv4Header header;
  header.total_bytes = 60;
  header.protocol = ip_protocol::kIcmp;
  header.source = *Ipv4Address::parse("10.0.1.5");
  header.write(packet);
  packet[20] = icmp_type::kTimeExceeded;
  std::array<std::uint8_t, kIcmpErrorBytesMax> frame{};
  EXPECT_EQ(write_icmp_error({}, packet, frame), 0u);
}

TEST(Headers, parsers_survive_random_bytes) {
  Random random(9);
  for (int round = 0; round < 20000; ++round) {
    auto bytes = random_bytes(random, random.below(100));
    if (!bytes.empty())
      bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x0f) | (round % 2 == 0 ? 0x40 : 0x60));
    if (const auto ip = Ipv4Header::parse(bytes)) {
      EXPECT_LE(ip->total_bytes, bytes.size());
    }
    if (const auto ip = Ipv6Header::parse(bytes)) {
      if (const auto payload = find_ipv6_payload(*ip, bytes)) {
        EXPECT_LE(payload->offset, bytes.size());
      }
    }
    TcpHeader::parse(bytes);
    UdpHeader::parse(bytes);
    IcmpHeader::parse(bytes);
    ArpPacket::parse(bytes);
    EthernetHeader::parse(bytes);
  }
}

}  // namespace
}  // namespace enid::wire
