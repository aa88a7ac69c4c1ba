#include "lab/link_forwarder.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/random.h"
#include "host/clock.h"
#include "host/tap_port.h"
#include "instances/network_namespace.h"
#include "lab/delay_line.h"
#include "lab/fabric_links.h"
#include "lab/named_namespace.h"
#include "lab/quantities.h"

namespace enid::lab {
namespace {

// Since Linux 6.2; Debian 12's headers are older. UDP segmentation, for IPv4 and IPv6.
constexpr unsigned kTunUdpSegmentation = 0x20 | 0x40;
// A super-frame of 64 KiB with its Ethernet and virtio-net headers.
constexpr std::size_t kFrameBytesMax = 65'536 + 64;
// Reads of one TAP before the others have their turn.
constexpr int kReadsInARow = 64;
// After a request to end: what is later than this is lost.
constexpr Duration kPatience = Duration::from_seconds(11);

std::size_t ring_bytes(const Wire& wire) {
  // Chosen: a quarter more than the wire holds, and a mebibyte; without a rate, as much as may be.
  if (wire.rate == 0 && wire.delay.nanoseconds > 0) return LinkForwarder::kRingBytesMax;
  const double holds =
      static_cast<double>(wire.rate) / 8 * static_cast<double>(wire.delay.nanoseconds) / 1e9 * 1.25;
  const std::size_t wanted = LinkForwarder::kRingBytesMin + static_cast<std::size_t>(holds);
  return std::min(wanted, LinkForwarder::kRingBytesMax);
}

Result<void> take_super_frames(int tap) {
  const unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (::ioctl(tap, TUNSETOFFLOAD, offloads | kTunUdpSegmentation) < 0 &&
      ::ioctl(tap, TUNSETOFFLOAD, offloads) < 0)
    return errno_failure("set a TAP device's offloads");
  return {};
}

}  // namespace

// One way of one link.
class LinkForwarder::Direction {
 public:
  Direction(host::UniqueFd tap, FabricLinks links, unsigned device, const Wire& wire, std::uint64_t seed)
      : tap_(std::move(tap)),
        links_(std::move(links)),
        device_(device),
        delay_(wire.delay),
        loss_(wire.loss),
        random_(seed),
        line_(ring_bytes(wire), kFrameBytesMax) {}

  int fd() const { return tap_.get(); }
  const DelayLine& line() const { return line_; }

  void stop_redirecting() {
    if (const auto stopped = links_.stop_redirecting(device_);
        !stopped) { /* Its device is gone: no packet. */
    }
  }

  // False when there is nothing more to read.
  bool take_arrivals(Instant now) {
    for (int reads = 0; reads < kReadsInARow; ++reads) {
      const std::span<std::uint8_t> room = line_.room();
      const std::span<std::uint8_t> into = room.empty() ? std::span<std::uint8_t>(spare_) : room;
      const ssize_t got = ::read(tap_.get(), into.data(), into.size());
      if (got <= 0) return false;
      if (room.empty() || is_lost()) continue;
      line_.commit(static_cast<std::size_t>(got), now + delay_);
    }
    return true;
  }

  void deliver_due(Instant now) {
    while (line_.next_due() <= now) {
      const ConstBytes frame = line_.front();
      // A device that is down takes nothing: the packet is lost, as on a wire without a receiver.
      if (::write(tap_.get(), frame.data(), frame.size()) < 0 && errno == EINTR) continue;
      line_.pop();
    }
  }

 private:
  bool is_lost() { return loss_ != 0 && random_.below(kWhole) < loss_; }

  host::UniqueFd tap_;
  FabricLinks links_;
  unsigned device_;
  Duration delay_;
  std::uint32_t loss_;
  Random random_;
  DelayLine line_;
  std::array<std::uint8_t, kFrameBytesMax> spare_;  // Where what is dropped goes.
};

LinkForwarder::LinkForwarder() = default;
LinkForwarder::~LinkForwarder() { stop_redirecting(); }

Result<std::unique_ptr<LinkForwarder>> LinkForwarder::create(const FabricPlan& plan,
                                                             const std::map<LinkId, Wire>& wires) {
  std::unique_ptr<LinkForwarder> forwarder(new LinkForwarder);
  forwarder->events_ = host::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!forwarder->events_.is_open()) return errno_failure("make an event queue");
  for (const auto& [link, wire] : wires) {
    const std::uint64_t seed = plan.seed << 32 | static_cast<std::uint64_t>(link.host) << 9 |
                               static_cast<std::uint64_t>(link.spine) << 1;
    TRY(forwarder->add_direction(plan, plan.spine_namespace(link.spine), spine_link_name(link),
                                 spine_link_mac(link), wire, seed));
    TRY(forwarder->add_direction(plan, plan.host_namespace(link.host), host_link_name(link),
                                 host_link_mac(link), wire, seed | 1));
  }
  return forwarder;
}

Result<void> LinkForwarder::add_direction(const FabricPlan& plan, const std::string& network,
                                          const std::string& device, const MacAddress& mac, const Wire& wire,
                                          std::uint64_t seed) {
  const host::UniqueFd descriptor = TRY(open_namespace(network));
  const auto inside = TRY(instances::NetworkNamespaceScope::enter(descriptor));
  const std::string name = forwarder_device_name(device);
  host::UniqueFd tap = TRY(host::open_tap(name));
  TRY(take_super_frames(tap.get()));
  FabricLinks links = TRY(FabricLinks::open());
  const auto wire_device = TRY(links.routes().find_link(name));
  const auto link_device = TRY(links.routes().find_link(device));
  if (!wire_device || !link_device)
    return failure(std::make_error_code(std::errc::no_such_device), network + " has no device " + device);
  // The link's own address, so that a packet that is written back is for this namespace.
  TRY(links.routes().set_link_address(wire_device->index, mac));
  TRY(links.routes().set_link_mtu(wire_device->index, plan.mtu));
  TRY(links.routes().set_link_up(wire_device->index, true));
  TRY(links.redirect_arrivals(link_device->index, wire_device->index));
  directions_.push_back(
      std::make_unique<Direction>(std::move(tap), std::move(links), link_device->index, wire, seed));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = directions_.back().get();
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, directions_.back()->fd(), &event) != 0)
    return errno_failure("wait for a TAP device");
  return {};
}

void LinkForwarder::stop_redirecting() {
  for (const auto& direction : directions_) direction->stop_redirecting();
}

Instant LinkForwarder::deliver_due(Instant now) {
  Instant next = Instant::never();
  for (const auto& direction : directions_) {
    direction->deliver_due(now);
    next = std::min(next, direction->line().next_due());
  }
  return next;
}

bool LinkForwarder::is_empty() const {
  return std::ranges::all_of(directions_, [](const auto& direction) { return direction->line().empty(); });
}

Result<void> LinkForwarder::run(int signals) {
  // By default timers may be late by 50 us.
  ::prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
  epoll_event asked{};
  asked.events = EPOLLIN;
  asked.data.ptr = nullptr;
  if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, signals, &asked) != 0)
    return errno_failure("wait for signals");
  Instant until = Instant::never();
  Instant next = Instant::never();
  for (;;) {
    std::array<epoll_event, 64> events;
    Instant now = host::monotonic_now();
    const std::int64_t wait =
        next == Instant::never() ? 1'000'000'000 : std::max<std::int64_t>(0, (next - now).nanoseconds);
    const timespec timeout{static_cast<time_t>(wait / 1'000'000'000),
                           static_cast<long>(wait % 1'000'000'000)};
    const int count =
        ::epoll_pwait2(events_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    if (count < 0 && errno != EINTR) return errno_failure("wait for packets");
    now = host::monotonic_now();
    for (int i = 0; i < count; ++i) {
      if (auto* direction = static_cast<Direction*>(events[static_cast<std::size_t>(i)].data.ptr)) {
        direction->take_arrivals(now);
      } else if (until == Instant::never()) {
        until = now + kPatience;
        stop_redirecting();
        ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, signals, nullptr);
      }
    }
    next = deliver_due(now);
    if (now >= until || (until != Instant::never() && count == 0 && is_empty())) return {};
    if (until != Instant::never()) next = std::min(next, now + Duration::from_milliseconds(1));
  }
}

}  // namespace enid::lab
