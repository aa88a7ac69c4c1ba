// ENA Express between cards: which packets go by SRD, what their receivers see, and what the counters say.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "card/hosts_lab.h"

namespace enid::card {
namespace {

using namespace hosts_lab;
namespace ip_protocol = wire::ip_protocol;

constexpr std::size_t kNumberAt = 14 + 20 + 20;

class CardExpress : public testing::Test, public HostsLab {
 protected:
  explicit CardExpress(const CardOptions& options = with_srd()) : HostsLab(options) {
    place("a", "10.0.1.5", "sg-1", 1);
    place("b", "10.0.1.6", "sg-1", 2);
    for (const char* name : {"a", "b"}) {
      programs[name].ena_express = {.enabled = true, .udp_enabled = true, .supported_by_type = true};
      programs[name].availability_zone = "eu-west-1a";
      tell_all(name);
    }
  }

  static TestPacket tcp(std::uint16_t payload = 100, std::uint16_t source_port = 1000) {
    return {.from = "10.0.1.5",
            .to = "10.0.1.6",
            .protocol = ip_protocol::kTcp,
            .source_port = source_port,
            .payload = payload};
  }
  // From a to b, with a number that numbers() finds again.
  void send_number(std::uint32_t number, std::uint16_t payload = 100) {
    auto frame = host(1).lab.frame_of("a", tcp(payload));
    store_be32(frame.data() + kNumberAt, number);
    host(1).lab.send_frame("a", std::move(frame));
  }
  // What has arrived at b since the last call.
  std::vector<std::uint32_t> numbers() {
    std::vector<std::uint32_t> out;
    for (const auto& kept : host(2).lab.ports["b"]->from_card)
      out.push_back(load_be32(kept.bytes.data() + kNumberAt));
    host(2).lab.ports["b"]->from_card.clear();
    return out;
  }
  // SRD between hosts 1 and 2 is there, and no flow has sent lately.
  void establish() {
    host(1).lab.send("a", tcp());
    turns(20);
    numbers();
  }
  contract::EnaExpressCounters express(int number, const std::string& name) {
    return host(number).lab.counters(name).ena_express;
  }
  std::uint64_t of_card(int number, const std::string& name) {
    const auto counters = host(number).lab.card.report().ena_express;
    const auto found = counters.find(name);
    return found == counters.end() ? 0 : found->second;
  }
  contract::TraceReport trace(std::uint8_t protocol = ip_protocol::kTcp, std::uint16_t payload = 0) {
    return host(1).lab.card.trace({.from = CardLab::id_of("a"),
                                   .target = *Ipv4Address::parse("10.0.1.6"),
                                   .protocol = protocol,
                                   .target_port = 2,
                                   .payload_bytes = payload},
                                  now);
  }
};

std::vector<std::uint32_t> from_to(std::uint32_t first, std::uint32_t end) {
  std::vector<std::uint32_t> out(end - first);
  std::iota(out.begin(), out.end(), first);
  return out;
}

TEST_F(CardExpress, the_first_packet_goes_by_plain_ena_and_later_ones_by_srd) {
  host(1).lab.send("a", tcp());
  turns(20);
  EXPECT_EQ(host(2).lab.arrived("b"), 1u);
  EXPECT_EQ(express(1, "a").eligible_tx_pkts, 1u);
  EXPECT_EQ(express(1, "a").tx_pkts, 0u);
  EXPECT_EQ(of_card(1, "fallback_setting_up"), 1u);
  for (int i = 0; i < 5; ++i) host(1).lab.send("a", tcp());
  turns(20);
  EXPECT_EQ(host(2).lab.arrived("b"), 5u);
  EXPECT_EQ(express(1, "a").eligible_tx_pkts, 6u);
  EXPECT_EQ(express(1, "a").tx_pkts, 5u);
  EXPECT_EQ(express(2, "b").rx_pkts, 5u);
  EXPECT_EQ(express(1, "a").mode, 3);
}

TEST_F(CardExpress, a_packet_comes_out_as_it_would_by_geneve) {
  establish();
  send_number(1);
  turns(20);
  ASSERT_EQ(host(2).lab.arrived("b"), 1u);
  EXPECT_EQ(express(2, "b").rx_pkts, 1u);
  auto sent = host(1).lab.frame_of("a", tcp());
  store_be32(sent.data() + kNumberAt, 1);
  const auto& bytes = host(2).lab.last.bytes;
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + 6, programs["b"].mac.bytes.begin()));
  EXPECT_TRUE(std::equal(bytes.begin() + 14, bytes.end(), sent.begin() + 14, sent.end()));
}

struct Condition {
  const char* what;
  const char* says;
  std::function<void(contract::InterfaceProgram& a, contract::InterfaceProgram& b)> change;
  std::uint8_t protocol = ip_protocol::kTcp;
};

TEST_F(CardExpress, without_any_one_condition_packets_go_by_plain_ena_and_silently) {
  establish();
  const Condition conditions[] = {
      {"sender off", "interface eni-a has ENA Express off",
       [](auto& a, auto&) { a.ena_express.enabled = false; }},
      {"receiver off", "plain ENA: the receiver's interface eni-b has ENA Express off",
       [](auto&, auto& b) { b.ena_express.enabled = false; }},
      {"sender's type", "type does not support",
       [](auto& a, auto&) { a.ena_express.supported_by_type = false; }},
      {"receiver's type", "type does not support",
       [](auto&, auto& b) { b.ena_express.supported_by_type = false; }},
      {"zone", "another Availability Zone", [](auto&, auto& b) { b.availability_zone = "eu-west-1b"; }},
      {"sender's UDP", "off for UDP", [](auto& a, auto&) { a.ena_express.udp_enabled = false; },
       ip_protocol::kUdp},
      {"receiver's UDP", "off for UDP", [](auto&, auto& b) { b.ena_express.udp_enabled = false; },
       ip_protocol::kUdp},
      {"protocol", "nothing else", [](auto&, auto&) {}, ip_protocol::kIcmp},
  };
  const auto as_it_was = programs;
  for (const Condition& condition : conditions) {
    SCOPED_TRACE(condition.what);
    programs = as_it_was;
    condition.change(programs["a"], programs["b"]);
    tell_all("a");
    tell_all("b");
    const auto before = express(1, "a");
    TestPacket packet = tcp();
    packet.protocol = condition.protocol;
    host(2).lab.arrived("b");
    host(1).lab.send("a", packet);
    turns(20);
    EXPECT_EQ(host(2).lab.arrived("b"), 1u);
    EXPECT_EQ(express(1, "a").eligible_tx_pkts, before.eligible_tx_pkts);
    EXPECT_EQ(express(1, "a").tx_pkts, before.tx_pkts);
    const auto traced = trace(condition.protocol);
    ASSERT_TRUE(traced.onward);
    EXPECT_EQ(traced.onward->carrier, "geneve");
    EXPECT_NE(traced.onward->carrier_reason.find(condition.says), std::string::npos)
        << traced.onward->carrier_reason;
  }
  programs = as_it_was;
  tell_all("a");
  tell_all("b");
  EXPECT_EQ(trace().onward->carrier, "srd");
}

TEST_F(CardExpress, zones_do_not_matter_with_the_setting) {
  CardOptions options = with_srd();
  options.express.across_zones = true;
  HostsLab lab(options);
  lab.place("a", "10.0.1.5", "sg-1", 1);
  lab.place("b", "10.0.1.6", "sg-1", 2);
  for (const char* name : {"a", "b"}) {
    lab.programs[name].ena_express = {.enabled = true, .supported_by_type = true};
    lab.programs[name].availability_zone = std::string("eu-west-1") + name;
    lab.tell_all(name);
  }
  for (int i = 0; i < 2; ++i) {
    lab.host(1).lab.send("a", tcp());
    lab.turns(20);
  }
  EXPECT_EQ(lab.host(1).lab.counters("a").ena_express.tx_pkts, 1u);
}

TEST_F(CardExpress, loss_and_disorder_between_hosts_are_invisible_to_tcp) {
  establish();
  harm = {.loss = 50, .disorder = 300};
  constexpr std::uint32_t kFrames = 3000;
  std::vector<std::uint32_t> arrived;
  for (std::uint32_t number = 0; number < kFrames; ++number) {
    send_number(number);
    if (number % 4 == 3) turn();
    for (const std::uint32_t each : numbers()) arrived.push_back(each);
  }
  turns(2000);
  for (const std::uint32_t each : numbers()) arrived.push_back(each);
  EXPECT_EQ(express(1, "a").tx_pkts, kFrames) << "all of it by SRD";
  EXPECT_EQ(arrived, from_to(0, kFrames));
  EXPECT_GT(of_card(2, "reorder_held"), 100u);
  EXPECT_EQ(of_card(2, "reorder_given_up"), 0u);
}

TEST_F(CardExpress, a_flow_changes_its_carrier_in_a_pause_and_keeps_its_order) {
  // SRD is set up by another flow while this one is busy on plain ENA.
  host(1).lab.send("a", tcp(100, 77));
  std::uint32_t number = 0;
  std::vector<std::uint32_t> arrived;
  const auto busy = [&](int turns_of) {
    for (int i = 0; i < turns_of; ++i) {
      send_number(number++);
      turn();
    }
  };
  busy(100);
  EXPECT_EQ(express(1, "a").tx_pkts, 0u);
  EXPECT_GT(of_card(1, "fallback_flow_on_plain"), 50u) << "SRD is there, and this flow never paused";
  turns(20);
  busy(100);
  EXPECT_EQ(express(1, "a").tx_pkts, 100u);
  turns(20);
  for (const std::uint32_t each : numbers()) arrived.push_back(each);
  arrived.erase(arrived.begin());  // The other flow's.
  EXPECT_EQ(arrived, from_to(0, number));
}

TEST_F(CardExpress, a_flow_that_never_pauses_gets_srd_in_the_end) {
  host(1).lab.send("a", tcp(100, 77));
  for (std::uint32_t number = 0; number < 6000; ++number) {
    send_number(number);
    turn();
  }
  EXPECT_GT(express(1, "a").tx_pkts, 1000u);
}

TEST_F(CardExpress, packets_beyond_8900_bytes_go_by_plain_ena) {
  establish();
  const auto before = express(1, "a");
  host(1).lab.send("a", tcp(8900 - 40));
  turns(20);
  EXPECT_EQ(express(1, "a").tx_pkts, before.tx_pkts + 1);
  host(1).lab.send("a", tcp(8901 - 40));
  turns(20);
  EXPECT_EQ(host(2).lab.arrived("b"), 2u);
  EXPECT_EQ(express(1, "a").tx_pkts, before.tx_pkts + 1);
  EXPECT_EQ(express(1, "a").eligible_tx_pkts, before.eligible_tx_pkts + 2);
  EXPECT_EQ(of_card(1, "fallback_too_long"), 1u);
  EXPECT_NE(trace(ip_protocol::kTcp, 8901).onward->carrier_reason.find("longer than SRD carries"),
            std::string::npos);
}

TEST_F(CardExpress, a_super_frame_is_cut_into_messages) {
  establish();
  TestPacket packet = tcp(20'000);
  packet.offload = {.checksum_needed = true,
                    .segmentation = Segmentation::kTcp4,
                    .header_bytes = 54,
                    .segment_bytes = 1448,
                    .checksum_start = 34,
                    .checksum_offset = 16};
  host(1).lab.send("a", packet);
  turns(20);
  EXPECT_EQ(express(1, "a").tx_pkts, 14u);
  EXPECT_EQ(express(2, "b").rx_pkts, 14u);
  EXPECT_EQ(host(2).lab.counters("b").received_packets, 15u);
}

TEST_F(CardExpress, a_narrow_network_has_a_path_mtu_that_srd_can_carry) {
  host(1).lab.card.set_underlay_mtu(host_id(2), 1500);
  establish();
  host(1).lab.arrived("a");
  TestPacket packet = tcp(1450 - 40);
  packet.fragment = wire::Ipv4Header::kDontFragment;
  host(1).lab.send("a", packet);
  ASSERT_EQ(host(1).lab.arrived("a"), 1u) << "ICMP: fragmentation needed";
  EXPECT_EQ(load_be16(host(1).lab.last.bytes.data() + 14 + 20 + 6), 1418);
  packet.payload = 1418 - 40;
  const auto before = express(1, "a").tx_pkts;
  host(1).lab.send("a", packet);
  turns(20);
  EXPECT_EQ(express(1, "a").tx_pkts, before + 1);
  EXPECT_EQ(host(2).lab.arrived("b"), 1u);
}

TEST_F(CardExpress, an_interface_that_has_moved_is_followed) {
  establish();
  programs["b"].host = host_id(3);
  host(3).lab.plug("b");
  tell(3, "b");
  tell(2, "b");
  send_number(1);
  turns(5);
  EXPECT_EQ(host(3).lab.arrived("b"), 1u) << "the old host sends it on by Geneve";
  EXPECT_EQ(host(3).lab.counters("b").ena_express.rx_pkts, 0u);
  EXPECT_EQ(host(1).lab.card.report().underlay.moved_notices_received, 1u);
  turns(20);
  send_number(2);
  turns(20);
  send_number(3);
  turns(20);
  EXPECT_EQ(host(3).lab.arrived("b"), 2u);
  EXPECT_GE(host(3).lab.counters("b").ena_express.rx_pkts, 1u) << "SRD to the new host";
}

TEST_F(CardExpress, security_groups_of_the_receiver_judge_what_srd_brings) {
  establish();
  programs["b"].groups = {SecurityGroupId::trusted("sg-closed")};
  tell_all("b");
  host(1).lab.send("a", tcp(100, 4000));
  turns(20);
  EXPECT_EQ(host(2).lab.arrived("b"), 0u);
  EXPECT_EQ(host(2).lab.drops("b", "no_ingress_rule"), 1u);
}

TEST_F(CardExpress, a_receiver_that_reboots_in_flight_costs_some_frames_and_no_order) {
  establish();
  std::uint32_t number = 0;
  for (int i = 0; i < 50; ++i) send_number(number++);
  boot(2);
  for (int i = 0; i < 2000; ++i) {
    if (i % 10 == 0) send_number(number++);
    turn();
  }
  turns(2000);
  const auto arrived = numbers();
  EXPECT_TRUE(std::ranges::is_sorted(arrived));
  EXPECT_EQ(std::ranges::adjacent_find(arrived), arrived.end()) << "nothing twice";
  ASSERT_FALSE(arrived.empty());
  EXPECT_EQ(arrived.back(), number - 1);
  EXPECT_GT(express(2, "b").rx_pkts, 20u) << "SRD was set up again";
}

TEST_F(CardExpress, a_sender_that_reboots_numbers_anew) {
  establish();
  for (std::uint32_t number = 0; number < 30; ++number) send_number(number);
  turns(20);
  EXPECT_EQ(numbers(), from_to(0, 30));
  boot(1);
  std::uint32_t number = 100;
  for (int i = 0; i < 2000; ++i) {
    if (i % 10 == 0) send_number(number++);
    turn();
  }
  turns(200);
  EXPECT_EQ(numbers(), from_to(100, number));
  EXPECT_GT(express(1, "a").tx_pkts, 100u);
}

TEST_F(CardExpress, cards_restart_one_after_the_other_and_nothing_acknowledged_is_lost) {
  // A sender that repeats what is not acknowledged; the highest number in order is the acknowledgement.
  establish();
  std::uint32_t next = 0;
  const auto carry_on = [&](int turns_of) {
    for (int i = 0; i < turns_of; ++i) {
      if (i % 40 == 0)
        for (std::uint32_t ahead = 0; ahead < 8; ++ahead) send_number(next + ahead);
      turn();
      for (const std::uint32_t each : numbers())
        if (each == next) ++next;
    }
  };
  carry_on(400);
  for (int number = 1; number <= 2; ++number) {
    const std::uint32_t before = next;
    boot(number);
    carry_on(2000);
    EXPECT_GT(next, before + 50);
  }
  EXPECT_GT(express(1, "a").tx_pkts, 0u);
}

TEST_F(CardExpress, udp_flows_are_ordered_unless_the_card_says_otherwise) {
  CardOptions options = with_srd();
  options.express.udp_ordered = false;
  for (const bool ordered : {true, false}) {
    HostsLab lab(ordered ? with_srd() : options);
    lab.place("a", "10.0.1.5", "sg-1", 1);
    lab.place("b", "10.0.1.6", "sg-1", 2);
    for (const char* name : {"a", "b"}) {
      lab.programs[name].ena_express = {.enabled = true, .udp_enabled = true, .supported_by_type = true};
      lab.tell_all(name);
    }
    lab.host(1).lab.send("a", udp("10.0.1.5", "10.0.1.6"));
    lab.turns(20);
    lab.harm = {.disorder = 500};
    for (int i = 0; i < 200; ++i) {
      lab.host(1).lab.send("a", udp("10.0.1.5", "10.0.1.6"));
      if (i % 8 == 7) lab.turn();
    }
    lab.turns(200);
    EXPECT_EQ(lab.host(2).lab.arrived("b"), 201u);
    EXPECT_EQ(lab.host(1).lab.counters("a").ena_express.tx_pkts, 200u);
    EXPECT_EQ(lab.host(2).lab.card.report().ena_express.contains("reorder_held"), ordered);
  }
}

CardOptions with_little_memory() {
  CardOptions options = HostsLab::with_srd();
  options.express.carrier->pool_bytes = 256 << 10;
  return options;
}

class CardExpressLittleMemory : public CardExpress {
 protected:
  CardExpressLittleMemory() : CardExpress(with_little_memory()) {}
};

TEST_F(CardExpressLittleMemory, when_memory_is_used_up_other_flows_go_by_plain_ena) {
  establish();
  harm.loss = 1000;  // Nothing is acknowledged.
  for (int i = 0; i < 200; ++i) host(1).lab.send("a", tcp(8000));
  EXPECT_GT(of_card(1, "fallback_no_memory"), 100u);
  EXPECT_GT(host(1).lab.drops("a", "srd_full"), 100u) << "this flow may not change now";
  EXPECT_GT(express(1, "a").resource_utilization, 90u);
  const auto before = express(1, "a").tx_pkts;
  turn();
  harm.loss = 0;
  host(2).lab.arrived("b");
  host(1).lab.send("a", tcp(8000, 4000));
  turn();
  EXPECT_EQ(host(2).lab.arrived("b"), 1u) << "at once, and by Geneve";
  EXPECT_EQ(express(1, "a").tx_pkts, before);
  turns(2000);
  EXPECT_EQ(express(1, "a").resource_utilization, 0u) << "all came to its end";
}

TEST_F(CardExpress, a_card_without_srd_is_plain_ena_and_a_trace_says_so) {
  HostsLab lab;
  lab.place("a", "10.0.1.5", "sg-1", 1);
  lab.place("b", "10.0.1.6", "sg-1", 2);
  for (const char* name : {"a", "b"}) {
    lab.programs[name].ena_express = {.enabled = true, .supported_by_type = true};
    lab.tell_all(name);
  }
  EXPECT_EQ(lab.send(1, "a", 2, "b", tcp()), 1u);
  EXPECT_EQ(lab.host(1).lab.counters("a").ena_express.eligible_tx_pkts, 1u);
  const auto traced = lab.host(1).lab.card.trace(
      {.from = CardLab::id_of("a"), .target = *Ipv4Address::parse("10.0.1.6"), .target_port = 2}, lab.now);
  EXPECT_EQ(traced.onward->carrier, "geneve");
  EXPECT_NE(traced.onward->carrier_reason.find("has no SRD"), std::string::npos);
}

TEST_F(CardExpress, a_trace_goes_on_at_the_receivers_card) {
  establish();
  const auto first = trace();
  ASSERT_TRUE(first.onward);
  EXPECT_TRUE(first.delivered);
  EXPECT_EQ(first.onward->host, host_id(2));
  EXPECT_EQ(first.onward->vni, kVni);
  EXPECT_EQ(first.onward->carrier_reason, "ENA Express");
  EXPECT_NE(first.steps.back().detail.find("SRD to 192.168.0.2, VNI 4711; ENA Express"), std::string::npos)
      << first.steps.back().detail;
  const auto second = host(2).lab.card.trace_entering(*first.onward, now);
  EXPECT_TRUE(second.delivered);
  ASSERT_TRUE(second.receiver);
  EXPECT_EQ(second.receiver->interface, CardLab::id_of("b"));
  EXPECT_EQ(second.steps.back().verdict, "deliver");
  EXPECT_EQ(host(2).lab.arrived("b"), 0u) << "a trace delivers nothing";
  contract::OnwardTrace elsewhere = *first.onward;
  elsewhere.vni = 1;
  EXPECT_EQ(host(2).lab.card.trace_entering(elsewhere, now).drop_reason, "no_route");
  elsewhere = *first.onward;
  elsewhere.frame.resize(5);
  EXPECT_EQ(host(2).lab.card.trace_entering(elsewhere, now).drop_reason, "malformed");
}

TEST_F(CardExpress, what_a_hostile_peer_sends_by_srd_is_refused_and_counted) {
  // Host 3's card is somebody else's program, which knows the key.
  hosts[2].reset();
  fabric::MemoryUnderlay underlay(network, underlay_address(3));
  srd::CarrierOptions options{.settings = srd::host_settings(10'000'000'000), .incarnation = 5, .seed = 6};
  srd::Carrier carrier(options, underlay);
  struct Sink final : srd::CarrierReceiver {
    std::uint8_t on_message(Instant, srd::PeerHandle, const srd::MessageFacts&, Bytes) override { return 0; }
  } sink;
  const srd::PeerHandle peer = carrier.set_peer(now, underlay_address(2), pair_key(2, 3));
  const auto pump = [&] {
    for (int i = 0; i < 50; ++i) {
      now = now + Duration::from_microseconds(50);
      host(2).lab.now = now;
      host(2).arrive();
      if (host(2).lab.card.next_timeout() <= now) host(2).lab.card.on_timeout(now);
      std::array<fabric::ArrivedDatagram, 64> arrived;
      const std::size_t count = underlay.receive(arrived);
      for (std::size_t k = 0; k < count; ++k) carrier.on_datagram(now, arrived[k], sink);
      carrier.on_timeout(now);
      carrier.transmit(now);
    }
  };
  carrier.connect(now, peer);
  pump();
  ASSERT_TRUE(carrier.is_established(peer));
  const std::vector<std::uint8_t> garbage(200, 0xa5);
  auto frame = host(1).lab.frame_of("a", tcp());
  std::ranges::copy(programs["b"].mac.bytes, frame.begin());
  const auto say = [&](srd::MessageFacts facts, ConstBytes payload) {
    ASSERT_EQ(carrier.send(now, peer, facts, {}, payload), srd::CarrierSend::kTaken);
    pump();
  };
  say({.vni = kVni}, ConstBytes(garbage).first(13));
  say({.vni = kVni, .flow_tag = 4096, .ordered = true}, frame);
  EXPECT_EQ(of_card(2, "messages_malformed"), 2u);
  say({.vni = 99}, frame);
  EXPECT_EQ(of_card(2, "messages_unknown_vpc"), 1u);
  EXPECT_EQ(carrier.peer_counters(peer).messages_refused, 3u);
  say({.vni = kVni}, garbage);
  EXPECT_EQ(host(2).underlay_drops("unknown_ether_type"), 1u);
  EXPECT_EQ(host(2).lab.arrived("b"), 0u);
  // Numbers that never follow: held a while, then passed, within bounds.
  for (std::uint32_t i = 0; i < 3000; ++i)
    carrier.send(now, peer, {.vni = kVni, .flow_tag = 9, .flow_sequence = 7 + 2 * (i % 900), .ordered = true},
                 {}, frame),
        (i % 100 == 99 ? pump() : void());
  for (int i = 0; i < 20; ++i) pump();
  EXPECT_GT(host(2).lab.arrived("b"), 2000u);
  EXPECT_EQ(host(2).lab.card.report().ena_express.contains("reorder_given_up"), true);
}

}  // namespace
}  // namespace enid::card
