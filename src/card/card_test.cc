#include "card/card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "card/card_lab.h"

namespace enid::card {
namespace {

using wire::Ipv4Header;
namespace ip_protocol = wire::ip_protocol;
namespace tcp_flag = wire::tcp_flag;
using testing::HasSubstr;

constexpr std::uint8_t kAck = tcp_flag::kAck;
constexpr std::uint8_t kSynAck = tcp_flag::kSyn | tcp_flag::kAck;

TestPacket tcp(const std::string& from, std::uint16_t source_port, const std::string& to,
               std::uint16_t target_port, std::uint8_t flags = tcp_flag::kSyn) {
  return {.from = from,
          .to = to,
          .protocol = ip_protocol::kTcp,
          .source_port = source_port,
          .target_port = target_port,
          .flags = flags};
}
TestPacket udp(const std::string& from, std::uint16_t source_port, const std::string& to,
               std::uint16_t target_port) {
  return {.from = from, .to = to, .source_port = source_port, .target_port = target_port};
}
TestPacket echo(const std::string& from, const std::string& to, std::uint8_t type) {
  return {.from = from, .to = to, .protocol = ip_protocol::kIcmp, .source_port = 77, .icmp_type = type};
}

// Two instances in one subnet and one in another, all in a group like a VPC's default one.
class CardTest : public testing::Test {
 protected:
  CardTest() {
    lab.group("sg-default", {CardLab::any("sgr-in", "sg-default")}, {CardLab::any("sgr-out")});
    lab.interface("a", "10.0.1.5", {"sg-default"});
    lab.interface("b", "10.0.1.6", {"sg-default"});
    lab.interface("c", "10.0.2.7", {"sg-default"});
  }
  // A client that may ask and a server that answers one TCP port to some addresses only.
  void make_server(const std::string& peer = "10.0.0.0/16") {
    lab.group("sg-client", {}, {CardLab::any("sgr-ask")});
    lab.group("sg-server", {CardLab::rule("sgr-http", 6, 80, 80, peer)}, {CardLab::any("sgr-all")});
    lab.interface("client", "10.0.1.20", {"sg-client"});
    lab.interface("server", "10.0.2.20", {"sg-server"});
  }
  void shake_hands() {
    ASSERT_TRUE(lab.passes("client", "server", tcp("10.0.1.20", 5000, "10.0.2.20", 80)));
    ASSERT_TRUE(lab.passes("server", "client", tcp("10.0.2.20", 80, "10.0.1.20", 5000, kSynAck)));
    ASSERT_TRUE(lab.passes("client", "server", tcp("10.0.1.20", 5000, "10.0.2.20", 80, kAck)));
  }

  CardLab lab;
};

TEST_F(CardTest, a_packet_between_two_instances_of_one_group_is_delivered) {
  EXPECT_TRUE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.6", 2)));
  const auto ethernet = wire::EthernetHeader::parse(lab.last.bytes);
  EXPECT_EQ(ethernet->destination, lab.interfaces["b"].mac);
  EXPECT_EQ(ethernet->source, lab.interfaces["a"].mac);
  EXPECT_EQ(Ipv4Header::parse(ConstBytes(lab.last.bytes).subspan(14))->time_to_live, 64);
  EXPECT_EQ(lab.counters("a").sent_packets, 1u);
  EXPECT_EQ(lab.counters("b").received_packets, 1u);
  EXPECT_EQ(lab.counters("b").received_bytes, 42u);
}

TEST_F(CardTest, between_subnets_the_packet_crosses_the_router) {
  for (int i = 0; i < 2; ++i) {  // Once by the stages, once by the flow cache.
    ASSERT_TRUE(lab.passes("a", "c", udp("10.0.1.5", 1, "10.0.2.7", 2)));
    const ConstBytes ip = ConstBytes(lab.last.bytes).subspan(14);
    EXPECT_NE(wire::EthernetHeader::parse(lab.last.bytes)->source, lab.interfaces["a"].mac);
    EXPECT_EQ(Ipv4Header::parse(ip)->time_to_live, 63);
    EXPECT_EQ(wire::internet_checksum(ip.first(20)), 0);
  }
  EXPECT_EQ(lab.card.report().flow_cache_hits, 1u);
}

TEST_F(CardTest, a_time_to_live_of_one_ends_at_the_router_with_an_answer) {
  TestPacket packet = udp("10.0.1.5", 1, "10.0.2.7", 2);
  packet.time_to_live = 1;
  EXPECT_FALSE(lab.passes("a", "c", packet));
  EXPECT_EQ(lab.drops("c", "time_to_live_exceeded"), 1u);
  ASSERT_EQ(lab.arrived("a"), 1u);
  const ConstBytes ip = ConstBytes(lab.last.bytes).subspan(14);
  EXPECT_EQ(Ipv4Header::parse(ip)->source.text(), "10.0.1.1");
  EXPECT_EQ(ip[20], wire::icmp_type::kTimeExceeded);
}

TEST_F(CardTest, the_second_packet_of_a_flow_needs_no_stage) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.6", 2)));
  const auto report = lab.card.report();
  EXPECT_EQ(report.flow_cache_misses, 1u);
  EXPECT_EQ(report.flow_cache_hits, 4u);
  EXPECT_EQ(report.flows, 1u);
}

TEST_F(CardTest, an_instance_cannot_send_with_another_source) {
  EXPECT_FALSE(lab.passes("a", "b", udp("10.0.1.99", 1, "10.0.1.6", 2)));
  EXPECT_EQ(lab.drops("a", "source_not_of_interface"), 1u);
  auto frame = lab.frame_of("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  frame[11] ^= 1;  // Somebody else's MAC.
  lab.send_frame("a", frame);
  EXPECT_EQ(lab.arrived("b"), 0u);
  EXPECT_EQ(lab.drops("a", "source_mac_not_of_interface"), 1u);
}

TEST_F(CardTest, with_the_source_check_off_an_instance_may_forward) {
  lab.interfaces["a"].source_dest_check = false;
  lab.update("a");
  EXPECT_FALSE(
      lab.passes("a", "b", udp("192.0.2.1", 1, "10.0.1.6", 2)));  // The receiver's group is not open.
  EXPECT_EQ(lab.drops("b", "no_ingress_rule"), 1u);
  lab.group("sg-default", {CardLab::any("sgr-in")}, {CardLab::any("sgr-out")});
  EXPECT_TRUE(lab.passes("a", "b", udp("192.0.2.1", 1, "10.0.1.6", 2)));
}

TEST_F(CardTest, addresses_of_a_delegated_prefix_are_the_interfaces_own) {
  lab.interfaces["b"].prefixes = {*Ipv4Prefix::parse("10.0.1.64/28")};
  lab.update("b");
  EXPECT_TRUE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.70", 2)));
  EXPECT_TRUE(lab.passes("b", "a", udp("10.0.1.79", 1, "10.0.1.5", 2)));
  EXPECT_FALSE(lab.passes("b", "a", udp("10.0.1.80", 1, "10.0.1.5", 2)));
}

TEST_F(CardTest, each_drop_has_a_reason_that_is_counted) {
  lab.send("a", udp("10.0.1.5", 1, "8.8.8.8", 53));
  lab.send("a", udp("10.0.1.5", 1, "10.0.3.3", 53));
  lab.send("a", udp("10.0.1.5", 1, "224.0.0.251", 5353));
  lab.send_frame("a", {1, 2, 3});
  auto frame = lab.frame_of("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  store_be16(&frame[12], wire::ether_type::kVlan);
  lab.send_frame("a", frame);
  store_be16(&frame[12], 0x88cc);
  lab.send_frame("a", frame);
  store_be16(&frame[12], wire::ether_type::kIpv4);
  store_be16(&frame[16], 1000);
  lab.send_frame("a", frame);
  const std::map<std::string, std::uint64_t> expected{{"no_route", 1},    {"no_interface_at_destination", 1},
                                                      {"multicast", 1},   {"malformed", 2},
                                                      {"vlan_tagged", 1}, {"unknown_ether_type", 1}};
  EXPECT_EQ(lab.counters("a").drops, expected);
  EXPECT_EQ(lab.counters("a").sent_packets, 7u);
}

TEST_F(CardTest, a_receiver_without_instance_or_port_gets_nothing) {
  lab.interfaces["b"].instance.reset();
  lab.update("b");
  EXPECT_FALSE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.6", 2)));
  EXPECT_EQ(lab.drops("b", "not_attached"), 1u);
  lab.unplug("c");
  lab.send("a", udp("10.0.1.5", 1, "10.0.2.7", 2));
  EXPECT_EQ(lab.drops("c", "not_attached"), 1u);
  lab.send("b", udp("10.0.1.6", 1, "10.0.1.5", 2));  // And it sends nothing either.
  EXPECT_EQ(lab.drops("b", "not_attached"), 2u);
}

TEST_F(CardTest, an_interface_without_an_instance_is_served_by_a_users_own_device) {
  lab.interfaces["b"].instance.reset();
  lab.update("b");
  MemoryPort& device = *(lab.ports["device"] = std::make_unique<MemoryPort>());
  const PortHandle handle = lab.card.attach_port(CardLab::id_of("b"), device, PortOwner::kUser);
  lab.send("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  EXPECT_EQ(device.from_card.size(), 1u);
  const auto trace = lab.card.trace(
      {.from = CardLab::id_of("a"), .target = *Ipv4Address::parse("10.0.1.6"), .target_port = 2}, lab.now);
  EXPECT_TRUE(trace.delivered);
  lab.card.detach_port(handle);
  lab.send("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  EXPECT_EQ(lab.drops("b", "not_attached"), 1u) << "what counts is the device";
}

TEST_F(CardTest, a_moved_interface_is_followed_at_once) {
  ASSERT_TRUE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.6", 2)));
  lab.unplug("b");
  lab.interfaces["b"].instance.reset();
  lab.update("b");
  lab.send("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  MemoryPort& elsewhere = *(lab.ports["elsewhere"] = std::make_unique<MemoryPort>());
  lab.card.attach_port(CardLab::id_of("b"), elsewhere);
  lab.interfaces["b"].instance = InstanceId::trusted("i-standby");
  lab.update("b");
  lab.send("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  EXPECT_EQ(elsewhere.from_card.size(), 1u);
}

TEST_F(CardTest, a_moved_address_is_followed_at_once_in_whatever_order_it_is_told) {
  const Ipv4Address service = *Ipv4Address::parse("10.0.1.100");
  lab.interfaces["b"].addresses.push_back(service);
  lab.update("b");
  ASSERT_TRUE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.100", 2)));
  lab.interfaces["b"].addresses.pop_back();
  lab.interfaces["c"].addresses.push_back(service);
  lab.apply({lab.interfaces["c"], lab.interfaces["b"]});
  EXPECT_TRUE(lab.passes("a", "c", udp("10.0.1.5", 1, "10.0.1.100", 2)));
  lab.interfaces["c"].addresses.pop_back();
  lab.interfaces["b"].addresses.push_back(service);
  lab.apply({lab.interfaces["c"], lab.interfaces["b"]});
  EXPECT_TRUE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.100", 2)));
}

TEST_F(CardTest, an_answer_needs_no_rule) {
  make_server();
  shake_hands();
  EXPECT_FALSE(lab.passes("server", "client", tcp("10.0.2.20", 999, "10.0.1.20", 22)));
  EXPECT_EQ(lab.drops("client", "no_ingress_rule"), 1u);
  EXPECT_FALSE(lab.passes("client", "server", tcp("10.0.1.20", 5000, "10.0.2.20", 81)));
  EXPECT_EQ(lab.counters("server").tracked_connections, 2u);  // The client's, and its own try.
}

TEST_F(CardTest, a_tracked_connection_survives_the_revocation_of_its_rule) {
  make_server();
  shake_hands();
  lab.group("sg-server", {}, {CardLab::any("sgr-all")});
  EXPECT_TRUE(lab.passes("client", "server", tcp("10.0.1.20", 5000, "10.0.2.20", 80, kAck)));
  EXPECT_TRUE(lab.passes("server", "client", tcp("10.0.2.20", 80, "10.0.1.20", 5000, kAck)));
  EXPECT_FALSE(lab.passes("client", "server", tcp("10.0.1.20", 5001, "10.0.2.20", 80)));
  EXPECT_EQ(lab.drops("server", "no_ingress_rule"), 1u);
}

TEST_F(CardTest, an_untracked_flow_is_cut_with_its_rule) {
  make_server("0.0.0.0/0");
  shake_hands();
  EXPECT_EQ(lab.counters("server").tracked_connections, 0u);
  EXPECT_EQ(lab.counters("client").tracked_connections, 1u);  // Its own ingress is not open.
  lab.group("sg-server", {}, {CardLab::any("sgr-all")});
  EXPECT_FALSE(lab.passes("client", "server", tcp("10.0.1.20", 5000, "10.0.2.20", 80, kAck)));
  // Nor does the server's next segment open it again.
  lab.send("server", tcp("10.0.2.20", 80, "10.0.1.20", 5000, kAck));
  EXPECT_FALSE(lab.passes("client", "server", tcp("10.0.1.20", 5000, "10.0.2.20", 80, kAck)));
}

TEST_F(CardTest, sender_and_receiver_are_two_gates) {
  lab.group("sg-closed", {CardLab::any("sgr-x")}, {});
  lab.interface("closed", "10.0.1.30", {"sg-closed"});
  EXPECT_FALSE(lab.passes("closed", "a", udp("10.0.1.30", 1, "10.0.1.5", 2)));
  EXPECT_EQ(lab.drops("closed", "no_egress_rule"), 1u);
  EXPECT_TRUE(lab.passes("a", "closed", udp("10.0.1.5", 1, "10.0.1.30", 2)));
  EXPECT_TRUE(lab.passes("closed", "a", udp("10.0.1.30", 2, "10.0.1.5", 1)));  // An answer.
}

TEST_F(CardTest, an_unknown_group_admits_nothing_until_it_is_known) {
  lab.interface("new", "10.0.1.40", {"sg-later"});
  EXPECT_FALSE(lab.passes("a", "new", udp("10.0.1.5", 1, "10.0.1.40", 2)));
  lab.group("sg-later", {CardLab::any("sgr-late")}, {});
  EXPECT_TRUE(lab.passes("a", "new", udp("10.0.1.5", 1, "10.0.1.40", 2)));
}

TEST_F(CardTest, members_of_a_group_that_a_rule_names_come_and_go) {
  lab.group("sg-web", {CardLab::any("sgr-w", "sg-friends")}, {});
  lab.interface("web", "10.0.1.50", {"sg-web"});
  EXPECT_FALSE(lab.passes("a", "web", udp("10.0.1.5", 1, "10.0.1.50", 2)));
  lab.interfaces["a"].groups.push_back(SecurityGroupId::trusted("sg-friends"));
  lab.update("a");
  EXPECT_TRUE(lab.passes("a", "web", udp("10.0.1.5", 1, "10.0.1.50", 2)));
  lab.interfaces["a"].groups.pop_back();
  lab.update("a");
  EXPECT_FALSE(lab.passes("a", "web", udp("10.0.1.5", 9, "10.0.1.50", 2)));
}

TEST_F(CardTest, a_ping_is_answered_without_a_rule_and_always_tracked) {
  lab.group("sg-ping", {CardLab::rule("sgr-ping", 1, 8, -1, "0.0.0.0/0")}, {CardLab::any("sgr-all")});
  lab.interface("p", "10.0.1.60", {"sg-ping"});
  EXPECT_TRUE(lab.passes("a", "p", echo("10.0.1.5", "10.0.1.60", 8)));
  EXPECT_EQ(lab.counters("p").tracked_connections, 1u);
  EXPECT_TRUE(lab.passes("p", "a", echo("10.0.1.60", "10.0.1.5", 0)));
  EXPECT_FALSE(lab.passes("a", "p", echo("10.0.1.5", "10.0.1.60", 13)));
}

TEST_F(CardTest, an_icmp_error_about_a_tracked_connection_passes) {
  make_server();
  lab.group("sg-server", {CardLab::rule("sgr-dns", 17, 53, 53, "10.0.0.0/16")}, {});
  ASSERT_TRUE(lab.passes("client", "server", udp("10.0.1.20", 5000, "10.0.2.20", 53)));
  const std::vector<std::uint8_t> offending(lab.last.bytes.begin() + 14, lab.last.bytes.end());
  std::vector<std::uint8_t> frame(wire::kIcmpErrorBytesMax);
  wire::IcmpErrorSpec spec;
  spec.router_mac = lab.interfaces["server"].mac;
  spec.router = *Ipv4Address::parse("10.0.2.20");
  spec.type = wire::icmp_type::kDestinationUnreachable;
  spec.code = wire::icmp_unreachable::kPort;
  frame.resize(wire::write_icmp_error(spec, offending, frame));
  lab.arrived("client");
  lab.send_frame("server", frame);
  EXPECT_EQ(lab.arrived("client"), 1u);

  store_be16(&frame[14 + 28 + 20 + 2], 54);  // About a packet that nobody sent.
  lab.send_frame("server", frame);
  EXPECT_EQ(lab.arrived("client"), 0u);
  EXPECT_EQ(lab.drops("server", "no_egress_rule"), 1u);
}

TEST_F(CardTest, a_long_packet_is_told_the_mtu_when_it_must_not_be_cut) {
  TestPacket packet = udp("10.0.1.5", 1, "10.0.1.6", 2);
  packet.payload = 9001 - 28;
  EXPECT_TRUE(lab.passes("a", "b", packet));
  packet.payload += 1;
  EXPECT_FALSE(lab.passes("a", "b", packet));
  EXPECT_EQ(lab.arrived("a"), 0u);  // It may be cut, so it is only dropped.
  packet.fragment = Ipv4Header::kDontFragment;
  EXPECT_FALSE(lab.passes("a", "b", packet));
  EXPECT_EQ(lab.drops("a", "mtu_exceeded"), 2u);
  ASSERT_EQ(lab.arrived("a"), 1u);
  const auto icmp = wire::IcmpHeader::parse(ConstBytes(lab.last.bytes).subspan(34));
  EXPECT_EQ(icmp->type, wire::icmp_type::kDestinationUnreachable);
  EXPECT_EQ(icmp->code, wire::icmp_unreachable::kFragmentationNeeded);
  EXPECT_EQ(icmp->sequence, 9001);
}

TEST_F(CardTest, a_super_frame_travels_whole_and_counts_its_segments) {
  TestPacket packet = tcp("10.0.1.5", 1, "10.0.1.6", 2);
  ASSERT_TRUE(lab.passes("a", "b", packet));
  packet.flags = kAck;
  packet.payload = 60'000;
  packet.offload.segmentation = Segmentation::kTcp4;
  packet.offload.segment_bytes = 8000;
  packet.offload.checksum_needed = true;
  packet.offload.checksum_start = 34;
  packet.offload.checksum_offset = 16;
  ASSERT_TRUE(lab.passes("a", "b", packet));
  EXPECT_EQ(lab.last.bytes.size(), 60'054u);
  EXPECT_EQ(lab.last.offload.segment_bytes, 8000);
  EXPECT_TRUE(lab.last.offload.checksum_needed);
  EXPECT_EQ(lab.counters("a").sent_packets, 1u + 8u);
  EXPECT_EQ(lab.counters("b").received_bytes, 54u + 60'000u + 8 * 54u);
  packet.offload.segment_bytes = 9000;  // Segments of 9040 bytes.
  EXPECT_FALSE(lab.passes("a", "b", packet));
}

TEST_F(CardTest, offload_notes_that_do_not_fit_the_frame_are_refused) {
  TestPacket packet = tcp("10.0.1.5", 1, "10.0.1.6", 2);
  packet.offload.checksum_needed = true;
  packet.offload.checksum_start = 60'000;
  EXPECT_FALSE(lab.passes("a", "b", packet));
  packet.offload = {};
  packet.offload.segmentation = Segmentation::kTcp4;
  EXPECT_FALSE(lab.passes("a", "b", packet));  // Segments of no bytes.
  packet.offload.segment_bytes = 1000;
  packet.offload.segmentation = Segmentation::kUdp;
  EXPECT_FALSE(lab.passes("a", "b", packet));
  EXPECT_EQ(lab.drops("a", "malformed_offload"), 3u);
}

TEST_F(CardTest, later_fragments_are_judged_like_their_first) {
  make_server();
  lab.group("sg-server", {CardLab::rule("sgr-dns", 17, 53, 53, "10.0.0.0/16")}, {});
  TestPacket later = udp("10.0.1.20", 0, "10.0.2.20", 0);
  later.payload = 800;
  later.fragment = 100;
  EXPECT_FALSE(lab.passes("client", "server", later));
  EXPECT_EQ(lab.drops("client", "first_fragment_unknown"), 1u);
  TestPacket first = udp("10.0.1.20", 5000, "10.0.2.20", 53);
  first.payload = 792;
  first.fragment = Ipv4Header::kMoreFragments;
  EXPECT_TRUE(lab.passes("client", "server", first));
  EXPECT_TRUE(lab.passes("client", "server", later));
  first.target_port = 54;
  EXPECT_FALSE(lab.passes("client", "server", first));
  EXPECT_FALSE(lab.passes("client", "server", later));
}

TEST_F(CardTest, an_idle_connection_is_forgotten) {
  make_server();
  lab.group("sg-server", {CardLab::rule("sgr-dns", 17, 53, 53, "10.0.0.0/16")}, {});
  ASSERT_TRUE(lab.passes("client", "server", udp("10.0.1.20", 5000, "10.0.2.20", 53)));
  lab.now = lab.now + Duration::from_seconds(29);
  ASSERT_TRUE(lab.passes("server", "client", udp("10.0.2.20", 53, "10.0.1.20", 5000)));
  lab.now = lab.now + Duration::from_seconds(31);
  EXPECT_FALSE(lab.passes("server", "client", udp("10.0.2.20", 53, "10.0.1.20", 5000)));
  // Nobody asks any more; the sweep frees them.
  for (int i = 0; i < 100 && lab.card.next_timeout() != Instant::never(); ++i) {
    lab.now = std::max(lab.now, lab.card.next_timeout());
    lab.card.on_timeout(lab.now);
  }
  EXPECT_EQ(lab.card.report().tracked_connections, 0u);
}

TEST_F(CardTest, a_full_connection_table_drops_and_counts) {
  CardLab small({.tracked_connections_max = 8});
  small.group("sg-1", {CardLab::any("sgr-1", "10.0.0.0/8")}, {CardLab::any("sgr-2", "10.0.0.0/8")});
  small.interface("a", "10.0.1.5", {"sg-1"});
  small.interface("b", "10.0.1.6", {"sg-1"});
  for (std::uint16_t port = 1; port <= 6; ++port) small.send("a", udp("10.0.1.5", port, "10.0.1.6", 9));
  EXPECT_EQ(small.arrived("b"), 4u);
  EXPECT_EQ(small.drops("a", "connection_table_full"), 2u);
  const Allowances seen = small.ports["a"]->allowances->allowances();
  EXPECT_EQ(seen.connections_exceeded, 2u) << "the sender is told";
  EXPECT_EQ(seen.connections_available, 0u);
  EXPECT_EQ(small.ports["b"]->allowances->allowances().connections_exceeded, 0u);
}

TEST_F(CardTest, an_instance_may_see_what_its_limits_leave_it) {
  CardLab small({.tracked_connections_max = 100});
  small.group("sg-1", {CardLab::any("sgr-1", "10.0.0.0/8")}, {CardLab::any("sgr-2", "10.0.0.0/8")});
  small.interface("a", "10.0.1.5", {"sg-1"});
  small.interface("b", "10.0.1.6", {"sg-1"});
  EXPECT_EQ(small.ports["a"]->allowances->allowances().connections_available, 50u) << "half of the card's";
  small.send("a", udp("10.0.1.5", 1, "10.0.1.6", 9));
  EXPECT_EQ(small.ports["a"]->allowances->allowances().connections_available, 49u);
  for (int i = 0; i < 1024 + 3; ++i) small.send("a", udp("10.0.1.5", 5353, "169.254.169.253", 53));
  EXPECT_EQ(small.drops("a", "service_rate_exceeded"), 3u);
  EXPECT_EQ(small.ports["a"]->allowances->allowances().link_local_exceeded, 3u);
  MemoryPort& port = *small.ports["a"];
  small.unplug("a");
  EXPECT_EQ(port.allowances, nullptr) << "whom to ask is known only while attached";
}

TEST_F(CardTest, a_receiver_that_does_not_read_loses_frames_that_are_counted) {
  lab.ports["b"]->room = 3;
  for (int i = 0; i < 5; ++i) lab.send("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  EXPECT_EQ(lab.counters("b").received_packets, 3u);
  EXPECT_EQ(lab.drops("b", "port_full"), 2u);
}

TEST_F(CardTest, a_removed_interface_is_forgotten) {
  ASSERT_TRUE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.6", 2)));
  lab.unplug("b");
  lab.apply({}, {CardLab::id_of("b")});
  lab.send("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  EXPECT_EQ(lab.drops("a", "no_interface_at_destination"), 1u);
  EXPECT_EQ(lab.card.report().interfaces.size(), 2u);
  EXPECT_EQ(lab.card.report().tracked_connections, 1u);
}

TEST_F(CardTest, a_snapshot_removes_what_it_does_not_name) {
  contract::CardSnapshot snapshot;
  snapshot.revision = 99;
  snapshot.entities = {lab.interfaces["a"], lab.interfaces["b"]};
  lab.card.replace(snapshot, lab.now);
  EXPECT_FALSE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.6", 2)));
  EXPECT_EQ(lab.card.report().revision, 99u);
  EXPECT_EQ(lab.drops("a", "no_egress_rule"), 1u);
}

TEST_F(CardTest, a_port_may_come_before_its_interface) {
  lab.interfaces["early"] = lab.interfaces["b"];
  lab.interfaces["early"].id = CardLab::id_of("early");
  lab.interfaces["early"].addresses = {*Ipv4Address::parse("10.0.1.90")};
  lab.plug("early");
  lab.send("early", udp("10.0.1.90", 1, "10.0.1.5", 2));
  EXPECT_EQ(lab.arrived("a"), 0u);
  EXPECT_EQ(lab.drops("early", "not_programmed"), 1u);
  lab.update("early");
  EXPECT_TRUE(lab.passes("early", "a", udp("10.0.1.90", 1, "10.0.1.5", 2)));
}

TEST_F(CardTest, two_vpcs_with_equal_addresses_do_not_meet) {
  contract::VpcProgram vpc;
  vpc.id = VpcId::trusted("vpc-2");
  vpc.cidr_blocks = {*Ipv4Prefix::parse("10.0.0.0/16")};
  lab.apply({vpc});
  contract::InterfaceProgram& twin = lab.interface("twin", "10.0.1.60", {"sg-default"});
  twin.vpc = vpc.id;
  twin.addresses = lab.interfaces["b"].addresses;
  lab.update("twin");
  EXPECT_TRUE(lab.passes("a", "b", udp("10.0.1.5", 1, "10.0.1.6", 2)));
  EXPECT_EQ(lab.arrived("twin"), 0u);
  EXPECT_FALSE(lab.passes("twin", "a", udp("10.0.1.6", 1, "10.0.1.5", 2)));
  EXPECT_EQ(lab.drops("twin", "no_interface_at_destination"), 1u);
}

TEST_F(CardTest, arp_for_the_router_is_answered_by_the_card) {
  std::vector<std::uint8_t> frame(42);
  wire::EthernetHeader{wire::kBroadcastMac, lab.interfaces["a"].mac, wire::ether_type::kArp}.write(frame);
  const std::uint8_t request[] = {0, 1, 8, 0, 6, 4, 0, 1};
  std::memcpy(&frame[14], request, sizeof request);
  std::memcpy(&frame[22], lab.interfaces["a"].mac.bytes.data(), 6);
  store_be32(&frame[28], 0x0a000105);
  store_be32(&frame[38], 0x0a000101);
  lab.send_frame("a", frame);
  EXPECT_EQ(lab.arrived("a"), 1u);
  EXPECT_EQ(lab.arrived("b"), 0u);
}

TEST_F(CardTest, a_trace_names_the_rule_that_decided_and_leaves_no_state) {
  make_server();
  TraceSpec spec{
      .from = CardLab::id_of("client"), .target = *Ipv4Address::parse("10.0.2.20"), .target_port = 80};
  const auto trace = lab.card.trace(spec, lab.now);
  EXPECT_TRUE(trace.delivered);
  ASSERT_EQ(trace.steps.size(), 10u);
  EXPECT_EQ(trace.steps[4].stage, "security_group_egress");
  EXPECT_THAT(trace.steps[4].detail, HasSubstr("sgr-ask"));
  EXPECT_EQ(trace.steps[8].stage, "security_group_ingress");
  EXPECT_THAT(trace.steps[8].detail, HasSubstr("sgr-http tcp 80-80 from 10.0.0.0/16"));
  EXPECT_EQ(trace.steps[9].verdict, "deliver");
  ASSERT_TRUE(trace.sender && trace.receiver);
  EXPECT_EQ(trace.sender->interface, CardLab::id_of("client"));
  EXPECT_EQ(trace.sender->receive_queue, std::nullopt);
  EXPECT_EQ(trace.receiver->interface, CardLab::id_of("server"));
  EXPECT_EQ(trace.receiver->port.queue_pairs, 1);
  EXPECT_EQ(trace.receiver->receive_queue, 0);
  EXPECT_EQ(lab.card.report().tracked_connections, 0u);
  EXPECT_EQ(lab.card.report().flows, 0u);
  EXPECT_EQ(lab.arrived("server"), 0u);
}

TEST_F(CardTest, a_trace_says_where_a_packet_is_dropped) {
  make_server();
  TraceSpec spec{
      .from = CardLab::id_of("client"), .target = *Ipv4Address::parse("10.0.2.20"), .target_port = 443};
  const auto trace = lab.card.trace(spec, lab.now);
  EXPECT_FALSE(trace.delivered);
  EXPECT_EQ(trace.drop_reason, "no_ingress_rule");
  EXPECT_EQ(trace.steps.back().verdict, "drop no_ingress_rule");
  EXPECT_THAT(trace.steps.back().detail, HasSubstr("sg-server"));
  spec.target = *Ipv4Address::parse("169.254.169.254");
  EXPECT_EQ(lab.card.trace(spec, lab.now).steps.back().verdict, "answered by the card");
}

class KeepingSink final : public CaptureSink {
 public:
  void on_frame(const NetworkInterfaceId& interface, bool from_instance, Instant, const Frame& frame,
                std::string_view comment) override {
    seen.push_back(interface.text() + (from_instance ? " out " : " in ") +
                   std::to_string(frame.bytes.size()) + " " + std::string(comment));
  }
  std::vector<std::string> seen;
};

TEST_F(CardTest, a_capture_sees_what_enters_leaves_and_is_dropped) {
  KeepingSink sink;
  lab.card.add_capture(&sink, {CardLab::id_of("a")});
  lab.send("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  lab.send("b", udp("10.0.1.6", 2, "10.0.1.5", 1));
  lab.send("a", udp("10.0.1.5", 1, "8.8.8.8", 2));
  lab.card.remove_capture(&sink);
  lab.send("a", udp("10.0.1.5", 1, "10.0.1.6", 2));
  EXPECT_THAT(sink.seen, testing::ElementsAre("eni-a out 42 ", "eni-a in 42 ", "eni-a out 42 no_route"));
}

}  // namespace
}  // namespace enid::card
