#include "card/services/link_local_services.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "card/services/scripted_client.h"
#include "wire/icmp.h"

namespace enid::card {
namespace {

MacAddress arp_sender(const std::vector<std::uint8_t>& frame) {
  MacAddress mac;
  std::copy_n(frame.begin() + 22, 6, mac.bytes.begin());
  return mac;
}

TEST(Arp, knows_the_router_the_resolver_and_the_services) {
  for (const std::string_view address :
       {"10.0.1.1", "10.0.0.2", "169.254.169.254", "169.254.169.253", "169.254.169.123"}) {
    ScriptedClient client;
    EXPECT_EQ(client.send_arp(client.addresses[0], address_of(address)), ServiceVerdict::kServed);
    ASSERT_EQ(client.answers.size(), 1u) << address;
    EXPECT_EQ(arp_sender(client.answers[0]), client.router_mac);
    EXPECT_EQ(load_be32(&client.answers[0][28]), address_of(address).value);
    EXPECT_EQ(load_be32(&client.answers[0][38]), client.addresses[0].value);
  }
}

TEST(Arp, asks_the_directory_for_neighbours) {
  ScriptedClient client;
  EXPECT_EQ(client.send_arp(client.addresses[0], address_of("10.0.1.9")), ServiceVerdict::kServed);
  ASSERT_EQ(client.answers.size(), 1u);
  EXPECT_EQ(arp_sender(client.answers[0]).text(), "02:00:00:00:00:09");
  EXPECT_EQ(client.send_arp(client.addresses[0], address_of("10.0.1.77")), ServiceVerdict::kNobodyThere);
  EXPECT_EQ(client.send_arp(client.addresses[0], address_of("192.0.2.1")), ServiceVerdict::kNobodyThere);
  EXPECT_EQ(client.answers.size(), 1u);
}

TEST(Arp, keeps_silent_about_the_askers_own_addresses) {
  ScriptedClient client;
  EXPECT_EQ(client.send_arp(Ipv4Address{}, client.addresses[0]), ServiceVerdict::kServed);  // A probe.
  EXPECT_EQ(client.send_arp(client.addresses[0], client.addresses[0]), ServiceVerdict::kServed);
  EXPECT_EQ(client.send_arp(client.addresses[0], client.addresses[1], 2), ServiceVerdict::kServed);
  EXPECT_TRUE(client.answers.empty());
}

TEST(Arp, tells_nothing_to_who_lies_about_the_address) {
  ScriptedClient client;
  EXPECT_EQ(client.send_arp(address_of("10.0.1.9"), address_of("10.0.1.1")), ServiceVerdict::kForeignSource);
  EXPECT_TRUE(client.answers.empty());
}

TEST(LinkLocalServices, leaves_other_traffic_alone) {
  ScriptedClient client;
  EXPECT_EQ(client.send_udp(client.path_to(address_of("10.0.1.9"), 53, 1), {}),
            ServiceVerdict::kNotForService);
  EXPECT_EQ(client.send_udp(client.path_to(address_of("192.0.2.1"), 123, 1), {}),
            ServiceVerdict::kNotForService);
  EXPECT_EQ(client.send_frame({}), ServiceVerdict::kNotForService);
  EXPECT_EQ(client.send_frame(std::vector<std::uint8_t>(14)), ServiceVerdict::kNotForService);
}

TEST(LinkLocalServices, has_no_answer_to_a_ping_of_the_router) {
  ScriptedClient client;
  ServiceFrames made(1);
  write_udp(made, client.path_to(address_of("10.0.1.1"), 0, 0), {});
  auto frame = made.frames().front().bytes;
  frame[kEthernetHeaderBytes + 9] = 1;  // ICMP; the header's checksum moves with the protocol.
  const auto checksum = static_cast<std::uint16_t>(load_be16(&frame[24]) + 16);
  store_be16(&frame[24], checksum);
  frame[kEthernetHeaderBytes + kIpv4HeaderBytes] = wire::icmp_type::kEchoRequest;
  EXPECT_EQ(client.send_frame(frame), ServiceVerdict::kNobodyThere);
  EXPECT_TRUE(client.answers.empty());

  // A complaint is heard, and not counted as a drop.
  frame[kEthernetHeaderBytes + kIpv4HeaderBytes] = wire::icmp_type::kDestinationUnreachable;
  EXPECT_EQ(client.send_frame(frame), ServiceVerdict::kServed);
  EXPECT_TRUE(client.answers.empty());
}

TEST(LinkLocalServices, serve_1024_packets_a_second_for_each_interface) {
  ScriptedClient client;
  const std::vector<std::uint8_t> request = [] {
    std::vector<std::uint8_t> bytes(48);
    bytes[0] = 0x23;
    return bytes;
  }();
  const ReturnPath path = client.path_to(kTimeServerAddress, 123, 5000);
  for (int i = 0; i < 1024; ++i) ASSERT_EQ(client.send_udp(path, request), ServiceVerdict::kServed) << i;
  EXPECT_EQ(client.send_udp(path, request), ServiceVerdict::kRateExceeded);
  client.now = client.now + Duration::from_milliseconds(10);
  int served = 0;
  while (client.send_udp(path, request) == ServiceVerdict::kServed) ++served;
  EXPECT_EQ(served, 10);
  ++client.handle;
  EXPECT_EQ(client.send_udp(path, request), ServiceVerdict::kServed);
}

TEST(LinkLocalServices, serve_only_the_interfaces_own_addresses) {
  ScriptedClient client;
  ReturnPath path = client.path_to(kTimeServerAddress, 123, 5000);
  path.source = address_of("10.0.1.9");
  std::vector<std::uint8_t> request(48);
  request[0] = 0x23;
  EXPECT_EQ(client.send_udp(path, request), ServiceVerdict::kForeignSource);
  client.source_dest_check = false;
  EXPECT_EQ(client.send_udp(path, request), ServiceVerdict::kServed);
}

TEST(TimeServer, tells_the_hosts_time) {
  ScriptedClient client;
  client.wall = WallTime{1'700'000'000'500};
  std::vector<std::uint8_t> request(48);
  request[0] = 0x23;
  request[47] = 9;
  client.send_udp(client.path_to(kTimeServerAddress, 123, 5000), request);
  const auto answer = client.next_packet();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->payload[0], 0x24);
  EXPECT_EQ(answer->payload[1], 3);
  EXPECT_EQ(answer->payload[31], 9);
  EXPECT_EQ(load_be32(&answer->payload[40]), 1'700'000'000u + 2'208'988'800u);
  EXPECT_EQ(load_be32(&answer->payload[44]), 0x80000000u);
}

TEST(LinkLocalServices, survive_whatever_bytes_come) {
  ScriptedClient client;
  Random random(20'240'611);
  const auto some = [&](std::size_t below) { return static_cast<std::size_t>(random.below(below)); };
  ServiceFrames made(1);
  const std::string request =
      "PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 5\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) {
    made.clear();
    const std::array<Ipv4Address, 5> targets{kMetadataServerAddress, kResolverLinkAddress, kTimeServerAddress,
                                             address_of("10.0.1.1"), Ipv4Address{0xffffffff}};
    const std::array<std::uint16_t, 5> ports{80, 53, 123, 67, 53};
    const std::size_t service = some(targets.size());
    const ReturnPath path =
        client.path_to(targets[service], ports[service], static_cast<std::uint16_t>(some(4)));
    if (some(2) == 0) {
      std::vector<std::uint8_t> payload(some(400));
      for (auto& byte : payload) byte = static_cast<std::uint8_t>(random.next());
      write_udp(made, path, payload);
    } else {
      const TcpSegment segment{.sequence = static_cast<std::uint32_t>(random.next()),
                               .acknowledgement = static_cast<std::uint32_t>(random.next()),
                               .flags = {.fin = some(4) == 0, .syn = some(2) == 0, .ack = some(2) == 0},
                               .window = static_cast<std::uint16_t>(random.next())};
      write_tcp(made, path, segment, as_bytes(request));
    }
    auto frame = made.frames().front().bytes;
    for (std::size_t flips = some(4); flips > 0; --flips)
      frame[some(frame.size())] = static_cast<std::uint8_t>(random.next());
    if (some(8) == 0) frame.resize(some(frame.size() + 1));
    client.send_frame(frame, {.checksum_valid = some(2) == 0});
    client.answers.clear();
    client.advance(Duration::from_milliseconds(static_cast<std::int64_t>(some(20))));
    while (client.services.take_forwarded_dns()) {
    }
  }
}

}  // namespace
}  // namespace enid::card
