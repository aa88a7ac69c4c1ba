// Two cards' SRD with somebody in between who reads, keeps, changes and makes datagrams as he likes.
//
//   The first byte says whether datagrams are authenticated: then nothing that he makes counts; without
//   tags, whatever he makes must be survived, and bounds must hold. The rest is a list of actions: a side
//   sends, time passes, datagrams arrive, are changed, or raw bytes are handed in.
#include <deque>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "srd/connection.h"

using namespace enid;

namespace {

using fuzz::take;

constexpr std::size_t kKeptMost = 64;
constexpr std::size_t kMemoryMost = 64 * 1024;

srd::Settings settings(std::uint64_t incarnation, bool authenticate) {
  srd::Settings s;
  s.incarnation = incarnation;
  s.pair_key = {11, 12};
  s.authenticate = authenticate;
  s.flight_messages = 64;
  s.queue_messages = 64;
  s.receive_window = 512;
  return s;
}

struct Between {
  explicit Between(bool authenticate)
      : sides{srd::Connection(settings(5, authenticate), 1), srd::Connection(settings(9, authenticate), 2)} {}

  void settle(int side) {
    srd::Transmission transmission;
    for (int i = 0; i < 256 && sides[side].poll_transmit(now, transmission); ++i) {
      std::vector<std::uint8_t> bytes(transmission.datagram.bytes() +
                                      transmission.datagram.header.payload_bytes);
      transmission.datagram.write(bytes);
      kept[1 - side].push_back(std::move(bytes));
      if (kept[1 - side].size() > kKeptMost) kept[1 - side].pop_front();
    }
    srd::Event event;
    while (sides[side].poll_event(event)) {
    }
    CHECK(sides[side].bytes() <= kMemoryMost);
    CHECK(sides[side].is_idle() || sides[side].next_timeout() != Instant::never());
  }

  void arrive(int side, ConstBytes bytes, bool marked) {
    const auto parsed = wire::SrdDatagram::parse(bytes);
    if (!parsed) return;
    std::vector<std::uint8_t> written(bytes.begin(), bytes.end());
    CHECK(parsed->bytes() + parsed->header.payload_bytes == bytes.size());
    parsed->write(written);
    CHECK(wire::SrdDatagram::parse(written).has_value());
    const srd::Reception reception = sides[side].on_datagram(now, *parsed, marked);
    if (reception.arrival == srd::Arrival::kDeliver && marked) sides[side].refuse(now, reception.psn, 1);
    settle(side);
  }

  srd::Connection sides[2];
  std::deque<std::vector<std::uint8_t>> kept[2];
  Instant now{1'000'000};
};

void play(ConstBytes input) {
  Between between((input[0] & 1) != 0);
  input = input.subspan(1);
  std::uint64_t token = 1;
  while (input.size() >= 3) {
    const std::uint8_t what = input[0];
    const std::uint8_t how = input[1];
    const std::uint8_t much = input[2];
    input = input.subspan(3);
    const int side = what >> 7;
    auto& kept = between.kept[side];
    switch (what % 6) {
      case 0:
        for (int i = 0; i <= much % 80; ++i)
          between.sides[side].send(between.now, {.token = token++, .bytes = how});
        break;
      case 1:
        between.now = between.now + Duration::from_nanoseconds((std::int64_t{much} + 1) << how % 32);
        between.sides[0].on_timeout(between.now);
        between.sides[1].on_timeout(between.now);
        between.settle(1 - side);
        break;
      case 2:  // The oldest that was kept arrives, `much` of them.
        for (int i = 0; i <= much % 32 && !kept.empty(); ++i) {
          const std::vector<std::uint8_t> bytes = std::move(kept.front());
          kept.pop_front();
          between.arrive(side, bytes, (how & 1) != 0);
        }
        break;
      case 3: {  // One that was kept arrives changed, and stays.
        if (kept.empty()) break;
        std::vector<std::uint8_t> bytes = kept[how % kept.size()];
        for (const std::uint8_t b : take(input, much % 8))
          bytes[b % bytes.size()] ^= static_cast<std::uint8_t>(1 + (b >> 3));
        between.arrive(side, bytes, false);
        break;
      }
      case 4:
        between.arrive(side, take(input, how), (much & 1) != 0);
        break;
      default:
        if (much > 250) between.sides[side].close(between.now);
        between.sides[side].set_receive_share(std::uint64_t{much} << how % 40);
    }
    between.settle(side);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4096) return 0;
  play({data, size});
  return 0;
}
