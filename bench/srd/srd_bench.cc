// bench_srd: what SRD itself costs a datagram, without sockets, switches and payloads.
//
//   Two connections hand each other their datagrams as structures, over a way of 8 us, in virtual time, in
//   turns of 4 us as a card's thread takes them. One
//   datagram's cost is send(), poll_transmit(), on_datagram() and poll_event(), and its share of the
//   acknowledgements both ways; with tags. The writing and the parsing of the bytes is measured beside it.
//   `context_bytes` is what a connection that was used and is idle now keeps.
//
//   Then the same transport with all that belongs to it, as a card drives it, over UDP sockets: see
//   socket_race.h. Needs root.
//
//   bench_srd [datagrams a round] [rounds] [seconds of each contestant's turn]
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "bench/common/two_interfaces.h"
#include "bench/srd/socket_race.h"
#include "srd/connection.h"

namespace enid::srd {
namespace {

constexpr std::uint32_t kPayloadBytes = 4096;
constexpr int kRoundsOfCost = 101;
constexpr Duration kOneWay = Duration::from_microseconds(8);
constexpr Duration kTurn = Duration::from_microseconds(4);  // A card's thread looks in so often.

struct Pair {
  explicit Pair(bool authenticate) : authenticated(authenticate) {}

  static Settings settings(std::uint64_t incarnation, bool authenticate) {
    Settings s;
    s.incarnation = incarnation;
    s.pair_key = {1, 2};
    s.authenticate = authenticate;
    s.burst_datagrams = 16;
    return s;
  }

  struct UnderWay {
    Instant at{};
    Transmission transmission;
  };
  // A way delivers in order here, so a ring is enough.
  struct Way {
    std::vector<UnderWay> ring = std::vector<UnderWay>(256);
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  void pump(Connection& connection, Way& way) {
    while (connection.poll_transmit(now, way.ring[way.end % way.ring.size()].transmission)) {
      way.ring[way.end++ % way.ring.size()].at = now + kOneWay;
    }
  }

  void arrive(Way& way, Connection& connection) {
    while (way.begin != way.end && way.ring[way.begin % way.ring.size()].at <= now) {
      const Reception r =
          connection.on_datagram(now, way.ring[way.begin++ % way.ring.size()].transmission.datagram, false);
      delivered += r.arrival == Arrival::kDeliver;
    }
  }

  // Until `target` datagrams more were delivered and acknowledged.
  void run(std::uint64_t target) {
    const std::uint64_t until = delivered + target;
    std::uint64_t to_send = target;
    while (delivered < until || !sender.is_idle()) {
      for (int i = 0; i < 32 && to_send != 0 && sender.queue_space() > 900 &&
                      sender.send(now, {.token = to_send, .bytes = kPayloadBytes}) == SendResult::kAccepted;
           ++i) {
        --to_send;
      }
      step();
    }
  }

  void step() {
    pump(sender, there);
    pump(receiver, back);
    Event event;
    while (sender.poll_event(event)) {
    }
    while (receiver.poll_event(event)) {
    }
    now = now + kTurn;
    arrive(there, receiver);
    arrive(back, sender);
    if (sender.next_timeout() <= now) sender.on_timeout(now);
    if (receiver.next_timeout() <= now) receiver.on_timeout(now);
  }

  bool authenticated;
  Connection sender{settings(3, authenticated), 1};
  Connection receiver{settings(5, authenticated), 2};
  Way there;
  Way back;
  Instant now{};
  std::uint64_t delivered = 0;
};

struct Cost {
  double undisturbed = 0;  // The fastest tenth of the rounds: neighbours on the core can only make it slower.
  double median = 0;
};

// With tags, and without: in turns, so that neighbours disturb both alike.
std::array<Cost, 2> nanoseconds_a_datagram(std::uint64_t datagrams, int rounds) {
  std::array<Pair, 2> pairs = {Pair(true), Pair(false)};
  for (Pair& pair : pairs) pair.run(datagrams / 10 + 1);
  std::array<std::vector<double>, 2> each;
  for (int round = 0; round < 2 * rounds; ++round) {
    const auto began = bench::core_time();
    pairs[round % 2].run(datagrams);
    each[round % 2].push_back(static_cast<double>((bench::core_time() - began).count()) /
                              static_cast<double>(datagrams));
  }
  std::array<Cost, 2> costs;
  for (std::size_t i = 0; i < 2; ++i) {
    std::ranges::sort(each[i]);
    costs[i] = {each[i][each[i].size() / 10], each[i][each[i].size() / 2]};
  }
  return costs;
}

double nanoseconds_for_bytes(std::uint64_t datagrams) {
  wire::SrdDatagram datagram;
  datagram.header.flags = wire::SrdFlags::kTagged;
  std::array<std::uint8_t, wire::SrdDatagram::kBytesMax> bytes{};
  std::uint64_t sum = 0;
  const auto began = bench::core_time();
  for (std::uint64_t i = 0; i < datagrams; ++i) {
    datagram.header.psn = static_cast<std::uint32_t>(i);
    datagram.write(bytes);
    sum += wire::SrdDatagram::parse(ConstBytes(bytes).first(datagram.bytes()))->header.psn;
  }
  const double taken =
      static_cast<double>((bench::core_time() - began).count()) / static_cast<double>(datagrams);
  return sum == 1 ? 0 : taken;
}

std::size_t idle_context_bytes() {
  Pair pair(true);
  pair.run(10'000);
  while (pair.sender.measurements().in_flight_bytes != 0) pair.step();
  for (int i = 0; i < 20'000; ++i) pair.step();
  return std::max(pair.sender.bytes(), pair.receiver.bytes());
}

}  // namespace
}  // namespace enid::srd

namespace {

// The end of the last line.
std::string race(int rounds, double seconds) {
  auto race = enid::bench::SocketRace::create();
  if (!race) {
    fmt::print("UDP sockets beside TCP: left out, {}\n", race.error().message);
    return {};
  }
  (*race)->round(seconds);  // Caches and windows get warm.
  using enid::bench::median;
  struct Rates {
    std::vector<double> core, wall, ratio;
    void add(const enid::bench::Rate& rate, double srd) {
      core.push_back(rate.by_core);
      wall.push_back(rate.by_wall);
      ratio.push_back(srd / rate.by_core);
    }
    void print(std::string_view name) const {
      fmt::print("{:43} {:6.1f} Gbit/s {:6.1f} by the wall's clock {:6.2f}\n", name, median(core),
                 median(wall), median(ratio));
    }
  };
  Rates srd, tcp, cached_tcp;
  for (int i = 0; i < rounds; ++i) {
    const enid::bench::RaceRound round = (*race)->round(seconds);
    srd.add(round.srd, round.srd.by_core);
    tcp.add(round.tcp, round.srd.by_core);
    cached_tcp.add(round.cached_tcp, round.srd.by_core);
  }
  fmt::print("both ends on one core, {} rounds in turns{:41}SRD by it\n", rounds, "");
  srd.print("  SRD over UDP sockets, 8,900 bytes");
  tcp.print("  TCP of the kernel, writer and reader");
  cached_tcp.print("  TCP without queues and threads");
  const enid::bench::RaceDetails details = (*race)->details();
  fmt::print(
      "  {:.1f} datagrams a sendmsg, {:.1f} a recvmmsg, {:.1f} an acknowledgement; {} sent again, {} "
      "timeouts\n",
      details.datagrams_a_send_call, details.datagrams_a_receive_call, details.datagrams_an_acknowledgement,
      details.retransmissions, details.timeouts);
  return fmt::format(" udp_gbps={:.1f} vs_tcp_ratio={:.2f} vs_cached_tcp_ratio={:.2f}", median(srd.core),
                     median(tcp.ratio), median(cached_tcp.ratio));
}

}  // namespace

int main(int argc, char** argv) {
  using namespace enid::srd;
  const std::uint64_t datagrams = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 15;
  const auto [with_tags, without_tags] = nanoseconds_a_datagram(datagrams, kRoundsOfCost);
  const double bytes = nanoseconds_for_bytes(10 * datagrams);
  const std::size_t context = idle_context_bytes();
  fmt::print("send, receive, share of acknowledgements   {:7.1f} ns a datagram (median {:.1f})\n",
             with_tags.undisturbed, with_tags.median);
  fmt::print("  without tags                             {:7.1f} ns (median {:.1f})\n",
             without_tags.undisturbed, without_tags.median);
  fmt::print("header to bytes and back                   {:7.1f} ns\n", bytes);
  fmt::print("idle connection                            {:7} bytes\n", context);
  const std::string race_figures = race(rounds, argc > 3 ? std::atof(argv[3]) : 0.5);
  fmt::print("figures: ns_per_datagram={:.1f} ns_without_tags={:.1f}{} context_bytes={}\n",
             with_tags.undisturbed, without_tags.undisturbed, race_figures, context);
}
