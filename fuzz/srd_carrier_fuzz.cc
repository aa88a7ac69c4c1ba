// Two cards' carriers on one network with somebody who sends them what he likes, in anybody's name, and
// keeps, changes and repeats what they send each other.
//
//   The input is a list of actions. What must hold: no message that nobody gave, or twice (he does not know
//   the key), at most one end for each that was taken, and a timer while one has none.
#include <deque>
#include <vector>

#include "base/check.h"
#include "fabric/memory_underlay.h"
#include "fuzz/input.h"
#include "srd/carrier.h"
#include "srd/host_settings.h"
#include "srd/message_pool.h"
#include "wire/srd_header.h"

using namespace enid;

namespace {

using fuzz::take;

constexpr std::size_t kKeptMost = 64;
constexpr std::uint32_t kVni = 7;
constexpr std::size_t kPoolBytes = 4 * srd::MessagePool::kBlockBytes;

struct World {
  struct Receiver final : srd::CarrierReceiver {
    std::uint8_t on_message(Instant, srd::PeerHandle, const srd::MessageFacts& facts, Bytes) override {
      CHECK(facts.vni == kVni);
      received += answer == 0;  // What was refused may come again.
      return answer;
    }
    std::uint8_t answer = 0;
    std::uint64_t received = 0;
  };
  using Kept = fabric::MemoryUnderlay::Kept;

  World() {
    for (std::size_t side = 0; side < 2; ++side) boot(side);
  }

  static Ipv4Address address(std::size_t side) { return {static_cast<std::uint32_t>(side + 1)}; }

  void boot(std::size_t side) {
    srd::CarrierOptions options;
    options.settings = srd::host_settings(10'000'000'000);
    options.settings.flight_messages = options.settings.queue_messages = 64;
    options.incarnation = options.seed = ++boots;
    options.pool_bytes = kPoolBytes;
    options.peers_max = 4;
    carriers[side] = std::make_unique<srd::Carrier>(options, underlays[side]);
    carriers[side]->set_peer(now, address(1 - side), {3, 4});
  }

  void arrive(std::size_t side, Kept datagram) {
    carriers[side]->on_datagram(now,
                                {.from = datagram.from,
                                 .channel = fabric::Channel::kSrd,
                                 .is_congestion_experienced = datagram.bytes.size() % 2 != 0,
                                 .bytes = datagram.bytes},
                                receiver);
    settle(side);
  }

  void settle(std::size_t side) {
    srd::Carrier& carrier = *carriers[side];
    if (carrier.next_timeout() <= now) carrier.on_timeout(now);
    carrier.transmit(now);
    while (carrier.poll_ended()) {
    }
    const srd::PeerCounters& m = carrier.counters().messages;
    const std::uint64_t ended =
        m.messages_delivered + m.messages_refused + m.messages_unknown + m.messages_never_sent;
    CHECK(ended <= m.messages_taken);
    CHECK(carrier.utilization_percent() <= 100);
    CHECK(ended == m.messages_taken || carrier.next_timeout() != Instant::never());
    for (const Kept& datagram : underlays[side].waiting) {
      kept.push_back(datagram);
      if (kept.size() > kKeptMost) kept.pop_front();
    }
  }

  void deliver_all(std::size_t side) {
    std::deque<Kept> waiting;
    std::swap(waiting, underlays[side].waiting);
    for (Kept& datagram : waiting) arrive(side, std::move(datagram));
  }

  void send(std::size_t side, std::size_t bytes, int count) {
    const std::vector<std::uint8_t> content(bytes);
    srd::Carrier& carrier = *carriers[side];
    for (int i = 0; i < count; ++i)
      taken += carrier.send(now, carrier.peer_at(address(1 - side)), {.vni = kVni}, {}, content) ==
               srd::CarrierSend::kTaken;
  }

  Instant now{1'000'000'000};
  std::uint64_t boots = 10;
  fabric::MemoryNetwork network;
  std::array<fabric::MemoryUnderlay, 2> underlays = {fabric::MemoryUnderlay(network, address(0)),
                                                     fabric::MemoryUnderlay(network, address(1))};
  std::array<std::unique_ptr<srd::Carrier>, 2> carriers;
  Receiver receiver;
  std::uint64_t taken = 0;
  std::deque<Kept> kept;  // By him.
};

void play(ConstBytes input) {
  World world;
  while (input.size() >= 3) {
    const std::uint8_t what = input[0];
    const std::uint8_t how = input[1];
    const std::uint8_t much = input[2];
    input = input.subspan(3);
    const std::size_t side = what >> 7;
    switch (what % 8) {
      case 0:
        world.send(side, std::size_t{how} * 40, much % 80);
        break;
      case 1:
        world.now = world.now + Duration::from_nanoseconds((std::int64_t{much} + 1) << how % 32);
        world.settle(1 - side);
        break;
      case 2:
        world.deliver_all(side);
        break;
      case 3: {  // One that was kept arrives changed, anywhere.
        if (world.kept.empty()) break;
        World::Kept datagram = world.kept[how % world.kept.size()];
        for (const std::uint8_t b : take(input, much % 8))
          datagram.bytes[b % datagram.bytes.size()] ^= static_cast<std::uint8_t>(1 + (b >> 3));
        world.arrive(side, std::move(datagram));
        break;
      }
      case 4: {
        const ConstBytes bytes = take(input, how);
        world.arrive(side, {{much % 4U}, fabric::Channel::kSrd, {bytes.begin(), bytes.end()}});
        break;
      }
      case 5:
        world.underlays[side].waiting.clear();  // Lost.
        world.underlays[side].room = much > 200 ? much % 8 : 1'000'000;
        break;
      case 6:
        world.receiver.answer = how % 4 == 0 ? much : 0;
        break;
      default:
        if (much < 16) world.boot(side);
        if (much > 240) world.carriers[side]->remove_peer(world.now, World::address(1 - side));
        if (much > 200)
          world.carriers[side]->set_peer(world.now, World::address(1 - side), {3, how % 64 == 0});
        world.carriers[side]->set_peer(world.now, {much % 8U}, {3, 4});
        world.carriers[side]->remove_peer(world.now, {3U + how % 8U});
    }
    world.settle(side);
    CHECK(world.receiver.received <= world.taken);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  play({data, size});
  return 0;
}
