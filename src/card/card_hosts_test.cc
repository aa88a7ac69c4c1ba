// Several cards, one VPC: what crosses from host to host, and what happens while an interface moves.
#include <gtest/gtest.h>

#include "card/hosts_lab.h"
#include "card/tunnel/tunnel_header.h"
#include "card/walk.h"
#include "wire/frame_layout.h"

namespace enid::card {
namespace {

using namespace hosts_lab;

class CardHosts : public testing::Test, public HostsLab {
 protected:
  CardHosts() {
    place("a", "10.0.1.5", "sg-1", 1);
    place("b", "10.0.1.6", "sg-1", 2);
    place("c", "10.0.2.7", "sg-1", 2);
    place("d", "10.0.1.8", "sg-closed", 2);
  }
};

TEST_F(CardHosts, a_packet_comes_out_on_the_other_host_as_it_went_in) {
  const TestPacket packet = udp("10.0.1.5", "10.0.1.6");
  ASSERT_EQ(send(1, "a", 2, "b", packet), 1u);
  const auto& bytes = host(2).lab.last.bytes;
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + 6, programs["b"].mac.bytes.begin()));
  EXPECT_TRUE(std::equal(bytes.begin() + 6, bytes.begin() + 12, programs["a"].mac.bytes.begin()));
  const auto sent = host(1).lab.frame_of("a", packet);
  EXPECT_TRUE(std::equal(bytes.begin() + 14, bytes.end(), sent.begin() + 14, sent.end()));
  EXPECT_EQ(host(1).lab.card.report().hosts.size(), 2u) << "itself is no other host";
}

TEST_F(CardHosts, between_subnets_the_router_is_crossed_once) {
  ASSERT_EQ(send(1, "a", 2, "c", udp("10.0.1.5", "10.0.2.7")), 1u);
  EXPECT_EQ(host(2).lab.last.bytes[14 + 8], 63);
  EXPECT_TRUE(
      std::equal(kRouterMac.bytes.begin(), kRouterMac.bytes.end(), host(2).lab.last.bytes.begin() + 6));
}

TEST_F(CardHosts, the_receivers_groups_decide_on_its_own_host_and_know_the_senders) {
  EXPECT_EQ(send(1, "a", 2, "b", udp("10.0.1.5", "10.0.1.6")), 1u) << "sg-1 admits members of sg-1";
  EXPECT_EQ(send(1, "a", 2, "d", udp("10.0.1.5", "10.0.1.8")), 0u);
  EXPECT_EQ(host(2).lab.drops("d", "no_ingress_rule"), 1u);
  // An answer to what d asked comes in.
  EXPECT_EQ(send(2, "d", 1, "a", udp("10.0.1.8", "10.0.1.5")), 0u) << "d is no member of sg-1";
  programs["a"].groups.push_back(SecurityGroupId::trusted("sg-open"));
  for (int number = 1; number <= 3; ++number) {
    host(number).lab.group("sg-open", {CardLab::any("sgr-9")}, {CardLab::any("sgr-8")});
    tell(number, "a");
  }
  EXPECT_EQ(send(2, "d", 1, "a", udp("10.0.1.8", "10.0.1.5")), 1u);
  TestPacket answer = udp("10.0.1.5", "10.0.1.8");
  std::swap(answer.source_port, answer.target_port);
  EXPECT_EQ(send(1, "a", 2, "d", answer), 1u) << "tracked on d's host";
}

TEST_F(CardHosts, later_packets_of_a_flow_are_known_on_both_hosts) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(1, "a", 2, "b", udp("10.0.1.5", "10.0.1.6")), 1u);
  EXPECT_EQ(host(1).lab.card.report().flow_cache_hits, 2u);
  EXPECT_EQ(host(2).lab.card.report().flow_cache_hits, 2u);
}

TEST_F(CardHosts, a_super_frame_is_cut_for_the_way_and_its_checksums_are_made) {
  TestPacket packet{
      .from = "10.0.1.5", .to = "10.0.1.6", .protocol = wire::ip_protocol::kTcp, .payload = 5000};
  packet.offload = {.checksum_needed = true,
                    .segmentation = Segmentation::kTcp4,
                    .header_bytes = 54,
                    .segment_bytes = 1448,
                    .checksum_start = 34,
                    .checksum_offset = 16};
  EXPECT_EQ(send(1, "a", 2, "b", packet), 4u);
  const auto& last = host(2).lab.last.bytes;
  EXPECT_EQ(last.size(), 54u + 5000 - 3 * 1448);
  const wire::FrameLayout layout = wire::read_layout(last);
  const std::size_t l4_bytes = layout.end - layout.l4_offset;
  EXPECT_EQ(wire::internet_checksum(ConstBytes(last).subspan(layout.l4_offset, l4_bytes),
                                    wire::pseudo_header_sum(last, layout, l4_bytes)),
            0);
  EXPECT_EQ(host(1).lab.counters("a").sent_packets, 4u);
  EXPECT_EQ(host(2).lab.counters("b").received_packets, 4u);
}

TEST_F(CardHosts, a_narrow_underlay_is_told_to_the_sender_as_a_path_mtu) {
  host(1).lab.card.set_underlay_mtu(host_id(2), 1500);
  TestPacket packet = udp("10.0.1.5", "10.0.1.6", 1500);
  packet.fragment = wire::Ipv4Header::kDontFragment;
  EXPECT_EQ(send(1, "a", 2, "b", packet), 0u);
  EXPECT_EQ(host(1).lab.drops("a", "mtu_exceeded"), 1u);
  EXPECT_EQ(host(1).lab.arrived("a"), 1u) << "ICMP: fragmentation needed";
  const auto& error = host(1).lab.last.bytes;
  EXPECT_EQ(load_be16(error.data() + 14 + 20 + 6), 1450) << "1500 less the tunnel's headers";
  EXPECT_EQ(host(1).lab.card.report().hosts.front().mtu + host(1).lab.card.report().hosts.back().mtu,
            1450 + 9001);
}

TEST_F(CardHosts, an_interface_that_moves_is_followed_and_nothing_is_lost) {
  ASSERT_EQ(send(1, "a", 2, "b", udp("10.0.1.5", "10.0.1.6")), 1u);
  // b moves to host 3: hosts 2 and 3 know, host 1 does not yet.
  programs["b"].host = host_id(3);
  host(3).lab.plug("b");
  tell(3, "b");
  tell(2, "b");
  EXPECT_EQ(send(1, "a", 3, "b", udp("10.0.1.5", "10.0.1.6")), 1u) << "the old host sends it on";
  EXPECT_EQ(host(2).lab.card.report().underlay.moved_notices_sent, 1u);
  EXPECT_EQ(host(1).lab.card.report().underlay.moved_notices_received, 1u);
  EXPECT_EQ(send(1, "a", 3, "b", udp("10.0.1.5", "10.0.1.6")), 1u);
  EXPECT_EQ(host(2).lab.card.report().underlay.moved_notices_sent, 1u)
      << "told once, the sender goes the short way";
  tell(1, "b");
  EXPECT_EQ(send(1, "a", 3, "b", udp("10.0.1.5", "10.0.1.6")), 1u);
}

TEST_F(CardHosts, hosts_that_disagree_do_not_play_ball) {
  // Host 2 believes b is on 3, host 3 that it is on 2.
  programs["b"].host = host_id(3);
  tell(2, "b");
  EXPECT_EQ(send(1, "a", 2, "b", udp("10.0.1.5", "10.0.1.6")), 0u);
  EXPECT_EQ(host(3).underlay_drops("not_here"), 1u);
}

TEST_F(CardHosts, what_strangers_send_is_counted_and_goes_nowhere) {
  fabric::MemoryUnderlay stranger(network, underlay_address(9));
  const auto send_as = [&](fabric::MemoryUnderlay& from, std::uint32_t vni, ConstBytes frame) {
    std::array<std::uint8_t, TunnelHeader::kBytesMax> header;
    const std::size_t size = TunnelHeader{.vni = vni}.write(header);
    const fabric::OutgoingDatagram datagram{
        .to = underlay_address(2), .header = ConstBytes(header).first(size), .payload = frame};
    from.send({&datagram, 1});
    host(2).arrive();
  };
  auto frame = host(1).lab.frame_of("a", udp("10.0.1.5", "10.0.1.6"));
  std::ranges::copy(programs["b"].mac.bytes, frame.begin());
  send_as(stranger, kVni, frame);
  EXPECT_EQ(host(2).lab.arrived("b"), 0u);
  EXPECT_EQ(host(2).lab.card.report().underlay.unknown_host, 1u);
  send_as(host(1).underlay, kVni + 1, frame);
  EXPECT_EQ(host(2).lab.card.report().underlay.unknown_vpc, 1u);
  send_as(host(1).underlay, kVni, ConstBytes(frame).first(9));
  EXPECT_EQ(host(2).lab.card.report().underlay.malformed, 1u);
  send_as(host(1).underlay, kVni, frame);
  EXPECT_EQ(host(2).lab.arrived("b"), 1u) << "and the honest one arrives";
}

TEST_F(CardHosts, a_full_underlay_drops_and_counts) {
  host(1).underlay.room = 1;
  for (int i = 0; i < 3; ++i) host(1).lab.send("a", udp("10.0.1.5", "10.0.1.6"));
  EXPECT_EQ(host(1).lab.drops("a", "underlay_full"), 2u);
  EXPECT_EQ(host(1).lab.card.report().hosts.front().sent_frames +
                host(1).lab.card.report().hosts.back().sent_frames,
            1u);
}

TEST_F(CardHosts, a_trace_ends_at_the_tunnel_and_names_it) {
  const auto trace = host(1).lab.card.trace(
      {.from = CardLab::id_of("a"), .target = *Ipv4Address::parse("10.0.1.6"), .target_port = 2},
      host(1).lab.now);
  EXPECT_TRUE(trace.delivered);
  EXPECT_EQ(trace.steps.back().stage, "carry");
  EXPECT_EQ(trace.steps.back().verdict, "send");
  EXPECT_NE(trace.steps.back().detail.find("Geneve to 192.168.0.2, VNI 4711"), std::string::npos);
}

}  // namespace
}  // namespace enid::card
