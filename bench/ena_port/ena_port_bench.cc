// bench_ena_port: what the rings of an ENA device cost the card's thread, without a guest and without a card.
//
//   The driver of the unit tests plays the guest; only the port's calls are timed. Transmit: small
//   packets, in host rings and low-latency ones, and super-frames. Receive: small frames, and super-frames
//   cut for a guest's MTU of 1,500 bytes or merged for one of 9,001. And what an empty look costs.
//
//   bench_ena_port [rounds]
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "devices/ena/ring_driver.h"

namespace enid::devices::ena {
namespace {

class Stopwatch {
 public:
  void start() { from_ = std::chrono::steady_clock::now(); }
  void stop() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - from_).count(); }
  double seconds() const { return seconds_; }

 private:
  std::chrono::steady_clock::time_point from_;
  double seconds_ = 0;
};

void print(const char* what, double seconds, std::size_t packets, std::size_t bytes) {
  fmt::print("{:<44} {:>8.1f} ns each {:>8.2f} Gbit/s\n", what, seconds / static_cast<double>(packets) * 1e9,
             static_cast<double>(bytes) * 8 / seconds / 1e9);
}

std::vector<std::uint8_t> tcp_frame(std::size_t payload) {
  std::vector<std::uint8_t> frame(54 + payload, 0x5a);
  const std::uint8_t head[] = {2,    0, 0,  0, 0,    1,    2,    0,    0,    0,    0, 2, 8,  0,
                               0x45, 0, 0,  0, 0,    0,    0x40, 0,    64,   6,    0, 0, 10, 0,
                               0,    1, 10, 0, 0,    2,    0x9c, 0x40, 0x14, 0x51, 0, 0, 0,  1,
                               0,    0, 0,  1, 0x50, 0x18, 0x7f, 0xff, 0,    0,    0, 0};
  std::memcpy(frame.data(), head, sizeof head);
  store_be16(frame.data() + 16, static_cast<std::uint16_t>(40 + payload));
  return frame;
}

void bench_transmit(const char* what, std::size_t rounds, Placement placement,
                    const std::vector<std::uint8_t>& packet, RingDriver::Sending how) {
  RingDriver driver;
  driver.make_pair(0, 64, placement);
  how.rings = false;
  Stopwatch watch;
  std::size_t packets = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (int i = 0; i < 4; ++i) driver.send(0, packet, how);
    driver.ring_transmit(0);
    watch.start();
    packets += driver.poll().size();
    watch.stop();
    driver.transmitted(0);
  }
  print(what, watch.seconds(), packets, packets * packet.size());
}

void bench_receive(const char* what, std::size_t rounds, std::uint32_t mtu, std::vector<std::uint8_t> bytes,
                   const card::FrameOffload& offload) {
  RingDriver driver({.queue_pairs = 1, .mtu = mtu, .merges_segments = true});
  RingDriver::Pair& pair = driver.make_pair(0, 1024);
  Stopwatch watch;
  const std::array<card::Frame, 4> frames{
      {{bytes, offload}, {bytes, offload}, {bytes, offload}, {bytes, offload}}};
  std::size_t taken = 0;
  for (std::size_t round = 0; round < rounds; ++round) {
    if (pair.posted.size() < 512) driver.post(0, 1'000 - pair.posted.size(), 3'712);
    watch.start();
    taken += driver.port->transmit(frames);
    watch.stop();
    driver.received(0);
  }
  print(what, watch.seconds(), taken, taken * bytes.size());
}

void bench_empty(std::size_t rounds) {
  RingDriver driver;
  for (std::uint16_t q = 0; q < 4; ++q) driver.make_pair(q);
  Stopwatch watch;
  std::size_t found = 0;
  watch.start();
  for (std::size_t round = 0; round < rounds * 100; ++round) {
    driver.port->on_time({static_cast<std::int64_t>(round)});
    found += driver.port->has_work() ? 1 : 0;
  }
  watch.stop();
  fmt::print("{:<44} {:>8.1f} ns each\n", "an empty look at four queue pairs",
             watch.seconds() / static_cast<double>(rounds * 100) * 1e9);
  if (found != 0) std::abort();
}

void run(std::size_t rounds) {
  const std::vector<std::uint8_t> small = tcp_frame(6);
  const std::vector<std::uint8_t> super = tcp_frame(65'160);
  constexpr std::uint32_t kSegmentNotes = 1u << 7 | 1u << 13 | 1u << 14;
  bench_transmit("from the guest: 60 bytes", rounds, Placement::kHost, small, {});
  bench_transmit("from the guest: 60 bytes, pushed", rounds, Placement::kLowLatency, small, {.pushed = 60});
  bench_transmit("from the guest: 64 KiB super-frame", rounds / 16, Placement::kHost, super,
                 {.cuts = {66, 32'768}, .notes = kSegmentNotes, .segment_bytes = 1'448});
  card::FrameOffload offload;
  bench_receive("to the guest: 60 bytes, verified", rounds, 1'500, small, offload);
  offload.checksum_valid = true;
  bench_receive("to the guest: 60 bytes, trusted", rounds, 1'500, small, offload);
  offload = {.checksum_needed = true, .segmentation = card::Segmentation::kTcp4, .segment_bytes = 1'448};
  offload.checksum_start = 34;
  offload.checksum_offset = 16;
  bench_receive("to the guest: super-frame, MTU 1500", rounds / 16, 1'500, super, offload);
  bench_receive("to the guest: super-frame, MTU 9001, merged", rounds / 16, 9'001, super, offload);
  bench_empty(rounds);
}

}  // namespace
}  // namespace enid::devices::ena

int main(int argc, char** argv) {
  enid::devices::ena::run(argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1])) : 40'000);
}
