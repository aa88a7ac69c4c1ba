// CarrierWorld: some cards' carriers on a memory network that loses, doubles, delays and damages, in virtual
// time, and a ledger of what each message became.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "fabric/memory_underlay.h"
#include "srd/carrier.h"
#include "srd/host_settings.h"

namespace enid::srd {

struct Faults {
  std::uint32_t loss_per_mille = 0;
  std::uint32_t double_per_mille = 0;
  std::uint32_t damage_per_mille = 0;
  std::uint32_t disorder_per_mille = 0;
  std::uint32_t full_per_mille = 0;  // Rounds in which the underlay takes only a few datagrams.
};

class CarrierWorld {
 public:
  static constexpr Duration kTurn = Duration::from_microseconds(20);

  explicit CarrierWorld(std::uint64_t seed, std::size_t cards = 2, std::size_t pool_bytes = 8U << 20)
      : random(seed), pool_bytes_(pool_bytes) {
    for (std::size_t i = 0; i < cards; ++i) cards_.push_back(std::make_unique<Card>(*this, i));
    for (std::size_t i = 0; i < cards; ++i) boot(i);
  }

  static Ipv4Address address(std::size_t card) { return {0xc0000201U + static_cast<std::uint32_t>(card)}; }
  static PairKey key(std::size_t a, std::size_t b) { return {77 + std::min(a, b), 99 + std::max(a, b)}; }

  // A new incarnation that knows nothing; so it is at first.
  void boot(std::size_t card) {
    CarrierOptions options;
    options.settings = host_settings(10'000'000'000);
    options.incarnation = random.next() | 1;
    options.seed = random.next();
    options.pool_bytes = pool_bytes_;
    cards_[card]->carrier = std::make_unique<Carrier>(options, cards_[card]->underlay);
    for (std::size_t peer = 0; peer < cards_.size(); ++peer)
      if (peer != card) carrier(card).set_peer(now, address(peer), key(card, peer));
  }

  Carrier& carrier(std::size_t card) { return *cards_[card]->carrier; }
  fabric::MemoryUnderlay& underlay(std::size_t card) { return cards_[card]->underlay; }

  // A message whose bytes follow from its number. The answer of send().
  CarrierSend send(std::size_t from, std::size_t to, std::size_t bytes) {
    const std::uint32_t number = next_number_;
    const std::vector<std::uint8_t> content = content_of(number, bytes);
    const std::size_t header_bytes = std::min<std::size_t>(bytes, 14);
    const auto all = ConstBytes(content);
    const CarrierSend answer = carrier(from).send(now, carrier(from).peer_at(address(to)),
                                                  {.vni = number % 0x1000000,
                                                   .flow_tag = static_cast<std::uint16_t>(number % 7),
                                                   .flow_sequence = number,
                                                   .ordered = number % 2 == 0},
                                                  all.first(header_bytes), all.subspan(header_bytes));
    if (answer == CarrierSend::kTaken) sizes_[next_number_++] = bytes;
    return answer;
  }

  // One turn of all cards.
  void turn() {
    now = now + kTurn;
    for (std::size_t i = 0; i < cards_.size(); ++i) {
      do_harm(underlay(i));
      arrive(i);
      Carrier& it = carrier(i);
      if (it.next_timeout() <= now) it.on_timeout(now);
      underlay(i).room = random.below(1000) < faults.full_per_mille ? random.below(3) : 1'000'000;
      it.transmit(now);
      while (const auto ended = it.poll_ended()) ++ends[ended->kind];
    }
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }
  // Until both say so. False: not within ten seconds.
  bool establish(std::size_t a, std::size_t b) {
    carrier(a).connect(now, carrier(a).peer_at(address(b)));
    for (int i = 0; i < 500'000; ++i) {
      if (carrier(a).is_established(carrier(a).peer_at(address(b))) &&
          carrier(b).is_established(carrier(b).peer_at(address(a))))
        return true;
      turn();
    }
    return false;
  }

  Random random;
  Instant now = Instant{} + Duration::from_seconds(1);
  Faults faults;
  std::map<std::uint32_t, int> arrivals;  // By number.
  std::map<EndedMessage::Kind, int> ends;
  std::vector<std::string> wrong;  // What must not be.
  std::uint8_t refuse_with = 0;    // By every receiver.

 private:
  struct Card final : CarrierReceiver {
    Card(CarrierWorld& in, std::size_t number) : world(in), underlay(in.network_, address(number)) {}

    std::uint8_t on_message(Instant, PeerHandle, const MessageFacts& facts, Bytes payload) override {
      if (world.refuse_with != 0) return world.refuse_with;
      const auto size = world.sizes_.find(facts.flow_sequence);
      if (size == world.sizes_.end()) {
        world.wrong.push_back("what nobody sent arrived");
        return 0;
      }
      if (++world.arrivals[facts.flow_sequence] > 1) world.wrong.push_back("twice");
      const auto expected = content_of(facts.flow_sequence, size->second);
      if (!std::equal(payload.begin(), payload.end(), expected.begin(), expected.end()))
        world.wrong.push_back("other bytes");
      if (payload.size() != size->second) world.wrong.push_back("other length");
      if (facts.ordered != (facts.flow_sequence % 2 == 0) || facts.flow_tag != facts.flow_sequence % 7)
        world.wrong.push_back("other facts");
      return 0;
    }

    CarrierWorld& world;
    fabric::MemoryUnderlay underlay;
    std::unique_ptr<Carrier> carrier;
  };

  static std::vector<std::uint8_t> content_of(std::uint32_t number, std::size_t bytes) {
    std::vector<std::uint8_t> content(bytes);
    for (std::size_t i = 0; i < bytes; ++i) content[i] = static_cast<std::uint8_t>(number * 31 + i);
    return content;
  }

  bool by_chance(std::uint32_t per_mille) { return random.below(1000) < per_mille; }

  void do_harm(fabric::MemoryUnderlay& at) {
    std::deque<fabric::MemoryUnderlay::Kept> kept;
    std::swap(kept, at.waiting);
    for (auto& datagram : kept) {
      if (by_chance(faults.loss_per_mille)) continue;
      if (by_chance(faults.double_per_mille)) at.waiting.push_back(datagram);
      if (by_chance(faults.damage_per_mille)) {
        // Payloads bear no tag, so only headers are damaged here.
        datagram.bytes[random.below(std::min<std::size_t>(datagram.bytes.size(), 40))] ^=
            static_cast<std::uint8_t>(1U << random.below(8));
      }
      at.waiting.push_back(std::move(datagram));
      if (by_chance(faults.disorder_per_mille))
        std::swap(at.waiting.back(), at.waiting[random.below(at.waiting.size())]);
    }
  }

  void arrive(std::size_t card) {
    std::array<fabric::ArrivedDatagram, 64> arrived;
    while (const std::size_t count = underlay(card).receive(arrived))
      for (std::size_t i = 0; i < count; ++i)
        if (arrived[i].channel == fabric::Channel::kSrd)
          carrier(card).on_datagram(now, arrived[i], *cards_[card]);
  }

  std::size_t pool_bytes_;
  fabric::MemoryNetwork network_;
  std::vector<std::unique_ptr<Card>> cards_;
  std::map<std::uint32_t, std::size_t> sizes_;
  std::uint32_t next_number_ = 0;
};

}  // namespace enid::srd
