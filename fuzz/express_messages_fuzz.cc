// What a hostile card sends by SRD to one that trusts its key: messages of any bytes, numbers and tags, in
// the name of flows.
//
//   The input is a list of messages and pauses. What must hold: the memory for order stays within its bounds,
//   and comes back when time passes.
#include "base/check.h"
#include "card/hosts_lab.h"
#include "fuzz/input.h"

using namespace enid;
using namespace enid::card;

namespace {

constexpr std::size_t kReorderBytes = 32 << 10;

CardOptions small_card() {
  CardOptions options = hosts_lab::HostsLab::with_srd();
  options.flow_entries_max = 64;
  options.tracked_connections_max = 16;
  options.express.carrier->pool_bytes = 1 << 20;
  options.express.reorder_bytes_of_peer = kReorderBytes;
  options.express.reorder_bytes_max = kReorderBytes;
  return options;
}

struct Attack {
  struct Ignored final : srd::CarrierReceiver {
    std::uint8_t on_message(Instant, srd::PeerHandle, const srd::MessageFacts&, Bytes) override { return 0; }
  };

  Attack() : lab(small_card()) {
    lab.place("a", "10.0.1.5", "sg-1", 3);
    lab.place("b", "10.0.1.6", "sg-1", 2);
    frame =
        lab.host(3).lab.frame_of("a", {.from = "10.0.1.5", .to = "10.0.1.6", .protocol = 6, .payload = 64});
    std::ranges::copy(lab.programs["b"].mac.bytes, frame.begin());
    lab.hosts[2].reset();
    underlay = std::make_unique<fabric::MemoryUnderlay>(lab.network, hosts_lab::underlay_address(3));
    carrier = std::make_unique<srd::Carrier>(
        srd::CarrierOptions{.settings = srd::host_settings(10'000'000'000), .incarnation = 5, .seed = 6},
        *underlay);
    peer = carrier->set_peer(lab.now, hosts_lab::underlay_address(2), hosts_lab::pair_key(2, 3));
    carrier->connect(lab.now, peer);
    for (int i = 0; i < 20; ++i) turn(Duration::from_microseconds(100));
    CHECK(carrier->is_established(peer));
  }

  void turn(Duration time) {
    lab.now = lab.now + time;
    carrier->on_timeout(lab.now);
    carrier->transmit(lab.now);
    hosts_lab::Host& victim = lab.host(2);
    victim.lab.now = lab.now;
    victim.arrive();
    if (victim.lab.card.next_timeout() <= lab.now) victim.lab.card.on_timeout(lab.now);
    victim.lab.arrived("b");
    std::array<fabric::ArrivedDatagram, 64> arrived;
    const std::size_t count = underlay->receive(arrived);
    Ignored ignored;
    for (std::size_t i = 0; i < count; ++i) carrier->on_datagram(lab.now, arrived[i], ignored);
    CHECK(utilization() <= 100);
  }
  std::uint64_t utilization() { return lab.host(2).lab.counters("b").ena_express.resource_utilization; }

  hosts_lab::HostsLab lab;
  std::vector<std::uint8_t> frame;
  std::unique_ptr<fabric::MemoryUnderlay> underlay;
  std::unique_ptr<srd::Carrier> carrier;
  srd::PeerHandle peer = srd::kNoPeer;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Attack attack;
  ConstBytes input(data, size);
  for (int i = 0; i < 400 && !input.empty(); ++i) {
    const auto choice = fuzz::word<std::uint8_t>(input);
    const srd::MessageFacts facts{
        .vni = (choice & 1) != 0 ? fuzz::word<std::uint32_t>(input) & 0xff'ffff : hosts_lab::kVni,
        .flow_tag =
            static_cast<std::uint16_t>((choice & 2) != 0 ? fuzz::word<std::uint16_t>(input) : choice >> 6),
        .flow_sequence =
            (choice & 4) != 0 ? fuzz::word<std::uint32_t>(input) : fuzz::word<std::uint8_t>(input),
        .ordered = (choice & 8) == 0};
    std::vector<std::uint8_t> payload = attack.frame;
    if ((choice & 16) != 0) {
      const ConstBytes head = fuzz::take(input, fuzz::word<std::uint8_t>(input));
      payload.resize(std::max(payload.size(), head.size()));
      std::ranges::copy(head, payload.begin());
    }
    attack.carrier->send(attack.lab.now, attack.peer, facts, {}, payload);
    if ((choice & 32) != 0) attack.turn(Duration::from_microseconds(20 * choice));
  }
  for (int i = 0; i < 40; ++i) attack.turn(Duration::from_milliseconds(10));
  CHECK(attack.utilization() == 0);
  return 0;
}
