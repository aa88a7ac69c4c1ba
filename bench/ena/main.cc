// bench_ena: the C++ half of bench/ena.py.
//
//   `device` is an ENA device on a socket, with a card of its own and nobody else there: what its guest sends
//   is judged, counted and dropped. Registers, rings and packets are all served by one thread, in turns.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "bench/common/two_interfaces.h"
#include "bench/datapath/udp_blast.h"
#include "bench/ena/trapped_device.h"
#include "card/card.h"
#include "devices/ena/controller.h"
#include "devices/ena/ena_port.h"
#include "host/clock.h"
#include "host/vfio_user_listener.h"

namespace {

using namespace enid;
namespace ena = devices::ena;

constexpr std::string_view kUsage =
    "bench_ena device SOCKET mapped|trapped|low-latency\n"
    "                                            an ENA device, until standard input ends\n"
    "bench_ena send ADDRESS PORT SECONDS RATE    64-byte frames, so many a second; prints how many were "
    "sent\n";

constexpr Duration kSpin = Duration::from_microseconds(50);
constexpr Duration kNap = Duration::from_microseconds(50);

int complain(const Error& error) {
  fmt::print(stderr, "bench_ena: {}: {}\n", error.message, error.code.message());
  return 1;
}

// Until standard input ends.
void serve(host::VfioUserListener& listener, ena::EnaPort& port, card::Card& card, card::PortHandle handle) {
  Instant last_frame;
  for (;;) {
    const Instant now = host::monotonic_now();
    std::array<pollfd, 2> files{{{STDIN_FILENO, POLLIN, 0}, {listener.fd(), POLLIN, 0}}};
    if (listener.wants_to_write()) files[1].events = POLLOUT;
    timespec timeout{};
    if (now - last_frame > kSpin) timeout.tv_nsec = kNap.nanoseconds;
    if (::ppoll(files.data(), files.size(), &timeout, nullptr) > 0) {
      if (files[0].revents != 0) return;
      if (files[1].revents != 0) listener.on_ready(now);
    }
    if (listener.next_timeout() <= now) listener.on_timeout(now);
    port.on_time(now);
    if (port.has_work() && card.poll(handle, now, {}) > 0) last_frame = now;
    if (card.next_timeout() <= now) card.on_timeout(now);
  }
}

Result<void> run_device(const std::string& socket, std::string_view kind) {
  const bench::TwoInterfaces ends;
  card::Card card({});
  card.apply({1, ends.program(1), {}}, host::monotonic_now());
  host::HostDescriptorUser descriptors;
  const ena::ControllerOptions options{
      .mac = ends.client.mac, .queue_pairs = 1, .vectors = 2, .low_latency = kind == "low-latency"};
  const ena::DeviceMemory memory = TRY(ena::DeviceMemory::create(descriptors, options));
  std::vector<ena::QueueState> states(ena::kQueueStates);
  ena::EnaPort port(memory.doorbell_page(), memory.low_latency_bar(), states, {.queue_pairs = 1});
  const card::PortHandle handle = card.attach_port(ends.client.id, port);
  ena::Controller controller(options, memory, port);
  bench::TrappedDevice trapped(controller);
  const auto listener = TRY(host::VfioUserListener::create(
      socket, kind == "trapped" ? static_cast<pci::PciDevice&>(trapped) : controller,
      {.next_timeout = [&] { return controller.next_timeout(); },
       .on_timeout = [&](Instant now) { controller.on_timeout(now); },
       .complain = [](const std::string& complaint) { fmt::print(stderr, "{}\n", complaint); }}));
  fmt::print("ready\n");
  std::fflush(stdout);
  serve(*listener, port, card, handle);
  card.detach_port(handle);
  return {};
}

}  // namespace

int main(int count, char** words) {
  const std::string_view what = count > 1 ? words[1] : "";
  if (what == "device" && count == 4) {
    const auto served = run_device(words[2], words[3]);
    return served ? 0 : complain(served.error());
  }
  if (what == "send" && count == 6) {
    const auto sent =
        bench::send_blast(words[2], std::atoi(words[3]), std::atof(words[4]), std::atol(words[5]));
    if (!sent) return complain(sent.error());
    fmt::print("{}\n", *sent);
    return 0;
  }
  fmt::print(stderr, "{}", kUsage);
  return 2;
}
