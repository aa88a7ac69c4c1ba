#include "bench/srd/socket_race.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "host/clock.h"
#include "host/udp_underlay.h"
#include "host/unique_fd.h"
#include "srd/carrier.h"
#include "srd/host_settings.h"

namespace enid::bench {
namespace {

using host::UniqueFd;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kPayloadBytes = 8'886;  // With the frame's 14 bytes before it: 8,900.
constexpr std::size_t kPieceBytes = 128 << 10;
// A batch of frames; more than fits the processor's caches makes either contestant slower, and with these
// each was at its best.
constexpr int kMessagesATurn = 28;
constexpr std::uint16_t kTcpPort = 7'000;
constexpr std::uint64_t kLinkBitsPerSecond = 40'000'000'000;
constexpr std::array<Ipv4Address, 2> kAddresses = {Ipv4Address{0xc0a80101}, Ipv4Address{0xc0a80102}};

// Of all threads.
Seconds core_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class Stopwatch {
 public:
  Seconds elapsed() const { return std::chrono::steady_clock::now() - began_; }
  Rate rate(std::uint64_t bytes) const {
    const double gigabits = static_cast<double>(bytes) * 8 / 1e9;
    return {gigabits / (core_seconds() - core_began_).count(), gigabits / elapsed().count()};
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  Seconds core_began_ = core_seconds();
};

Result<UniqueFd> this_namespace() {
  UniqueFd opened(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!opened.is_open()) return errno_failure("open a network namespace");
  return opened;
}

// Two namespaces and the cable between them; the thread is back where it was afterwards.
class Cable {
 public:
  Result<void> lay() {
    home_ = TRY(this_namespace());
    for (UniqueFd& end : ends_) {
      if (::unshare(CLONE_NEWNET) != 0) return errno_failure("make a network namespace");
      end = TRY(this_namespace());
    }
    const std::string other = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(ends_[0].get());
    const bool laid = run("ip link add cable type veth peer name cable netns " + other);
    for (std::size_t i = 0; i < 2; ++i) {
      enter(i);
      if (!laid || !run("ip address add " + kAddresses[i].text() + "/24 dev cable") ||
          !run("ip link set cable mtu 9100 up")) {
        leave();
        return failure(std::make_error_code(std::errc::not_supported), "no veth pair can be made here");
      }
    }
    leave();
    return {};
  }
  void enter(std::size_t end) const { (void)!::setns(ends_[end].get(), CLONE_NEWNET); }
  void leave() const { (void)!::setns(home_.get(), CLONE_NEWNET); }

 private:
  static bool run(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
  }

  UniqueFd home_;
  std::array<UniqueFd, 2> ends_;
};

class Counting final : public srd::CarrierReceiver {
 public:
  std::uint8_t on_message(Instant, srd::PeerHandle, const srd::MessageFacts&, Bytes payload) override {
    bytes += payload.size();
    return 0;
  }
  std::uint64_t bytes = 0;
};

// One end's card.
struct Card {
  std::unique_ptr<host::UdpUnderlay> underlay;
  std::unique_ptr<srd::Carrier> carrier;
  srd::PeerHandle peer = srd::kNoPeer;
  Counting receiver;

  Result<void> start(std::size_t end) {
    underlay = TRY(host::UdpUnderlay::create({.address = kAddresses[end]}));
    srd::CarrierOptions options;
    options.settings = srd::host_settings(kLinkBitsPerSecond);
    options.incarnation = options.seed = end + 1;
    carrier = std::make_unique<srd::Carrier>(options, *underlay);
    peer = carrier->set_peer(host::monotonic_now(), kAddresses[1 - end], {1, 2});
    return {};
  }

  void turn() {
    const Instant now = host::monotonic_now();
    std::array<fabric::ArrivedDatagram, 64> arrived;
    while (const std::size_t count = underlay->receive(arrived)) {
      for (std::size_t i = 0; i < count; ++i) carrier->on_datagram(now, arrived[i], receiver);
      if (count < arrived.size()) break;
    }
    if (carrier->next_timeout() <= now) carrier->on_timeout(now);
    carrier->transmit(now);
  }
};

Result<std::array<UniqueFd, 2>> connect_tcp(const Cable& cable) {
  cable.enter(1);
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kTcpPort);
  address.sin_addr.s_addr = htonl(kAddresses[1].value);
  const bool listens = ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                       ::listen(listener.get(), 1) == 0;
  cable.enter(0);
  UniqueFd sender(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const bool connected =
      listens && ::connect(sender.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  cable.leave();
  if (!connected) return errno_failure("connect by TCP");
  UniqueFd receiver(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  // The kernel's own default; where a system's paces (BBR), it would mostly wait.
  for (const int socket : {sender.get(), receiver.get()})
    ::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
  return std::array<UniqueFd, 2>{std::move(sender), std::move(receiver)};
}

}  // namespace

struct SocketRace::Parts {
  Cable cable;
  std::array<Card, 2> cards;
  std::array<UniqueFd, 2> tcp;
  std::array<UniqueFd, 2> cached_tcp;
  alignas(4096) std::array<std::uint8_t, kPieceBytes> content{};
  alignas(4096) std::array<std::uint8_t, kPieceBytes> sink{};

  void srd_turn() {
    Card& sender = cards[0];
    const Instant now = host::monotonic_now();
    const ConstBytes bytes(content);
    // As a card takes a batch of frames from a port.
    for (int i = 0; i < kMessagesATurn; ++i) {
      if (sender.carrier->send(now, sender.peer, {.vni = 7, .flow_tag = 1}, bytes.first(14),
                               bytes.subspan(14, kPayloadBytes)) != srd::CarrierSend::kTaken)
        break;
    }
    sender.turn();
    cards[1].turn();
  }

  std::uint64_t cached_tcp_turn() {
    (void)!::send(cached_tcp[0].get(), content.data(), content.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    std::uint64_t received = 0;
    for (;;) {
      const ssize_t got = ::recv(cached_tcp[1].get(), sink.data(), sink.size(), MSG_DONTWAIT);
      if (got <= 0) return received;
      received += static_cast<std::uint64_t>(got);
    }
  }

  template <class Turn>
  static Rate measure(double seconds, Turn turn) {
    const Stopwatch watch;
    std::uint64_t bytes = 0;
    while (watch.elapsed().count() < seconds) bytes += turn();
    return watch.rate(bytes);
  }

  Rate measure_tcp(double seconds) {
    const Stopwatch watch;
    std::atomic<bool> is_over = false;
    std::thread writer([&] {
      while (!is_over) (void)!::send(tcp[0].get(), content.data(), content.size(), MSG_NOSIGNAL);
    });
    std::uint64_t bytes = 0;
    while (watch.elapsed().count() < seconds)
      bytes +=
          static_cast<std::uint64_t>(std::max<ssize_t>(::recv(tcp[1].get(), sink.data(), sink.size(), 0), 0));
    const Rate rate = watch.rate(bytes);
    is_over = true;
    // What is under way must not keep the writer.
    std::atomic<bool> has_ended = false;
    std::thread drain([&] {
      while (!has_ended) (void)!::recv(tcp[1].get(), sink.data(), sink.size(), MSG_DONTWAIT);
    });
    writer.join();
    has_ended = true;
    drain.join();
    return rate;
  }
};

SocketRace::SocketRace(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SocketRace::~SocketRace() = default;

Result<std::unique_ptr<SocketRace>> SocketRace::create() {
  auto parts = std::make_unique<Parts>();
  TRY(parts->cable.lay());
  for (std::size_t end = 0; end < 2; ++end) {
    parts->cable.enter(end);
    const auto started = parts->cards[end].start(end);
    parts->cable.leave();
    if (!started) return std::unexpected(started.error());
  }
  parts->tcp = TRY(connect_tcp(parts->cable));
  parts->cached_tcp = TRY(connect_tcp(parts->cable));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(::sched_getcpu(), &one);
  ::sched_setaffinity(0, sizeof one, &one);
  return std::unique_ptr<SocketRace>(new SocketRace(std::move(parts)));
}

RaceRound SocketRace::round(double seconds_each) {
  Parts& p = *parts_;
  const auto srd_turn = [&] {
    const std::uint64_t before = p.cards[1].receiver.bytes;
    p.srd_turn();
    return p.cards[1].receiver.bytes - before;
  };
  return {.srd = p.measure(seconds_each, srd_turn),
          .tcp = p.measure_tcp(seconds_each),
          .cached_tcp = p.measure(seconds_each, [&] { return p.cached_tcp_turn(); })};
}

RaceDetails SocketRace::details() const {
  const Card& sender = parts_->cards[0];
  const Card& receiver = parts_->cards[1];
  const auto counters = sender.carrier->connection_counters(sender.peer).value_or(srd::Counters{});
  const auto measured = sender.carrier->measurements(sender.peer).value_or(srd::Measurements{});
  const auto ratio = [](std::uint64_t a, std::uint64_t b) {
    return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
  };
  return {.datagrams_a_send_call =
              ratio(sender.underlay->counters().sent, sender.underlay->counters().send_calls),
          .datagrams_a_receive_call =
              ratio(receiver.underlay->counters().received, receiver.underlay->counters().receive_calls),
          .datagrams_an_acknowledgement = ratio(counters.data_sent, counters.acknowledgements_received),
          .retransmissions = counters.retransmissions,
          .spurious = counters.spurious_retransmissions,
          .timeouts = counters.retransmission_timeouts,
          .smoothed_rtt_us = static_cast<double>(measured.smoothed_rtt.nanoseconds) / 1000,
          .window_bytes = static_cast<double>(measured.window_bytes)};
}

}  // namespace enid::bench
