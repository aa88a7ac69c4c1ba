#include "instances/init/interfaces.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <fstream>
#include <utility>

#include "instances/init/metadata_client.h"
#include "instances/init/program.h"

namespace enid::instances {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kEventScript = "/run/enid/dhcp-event";
constexpr std::size_t kLongestLine = 4096;
// Chosen: a card answers within a millisecond; a silent one is left to udhcpc after 350 ms.
constexpr int kFirstExchangeTries = 3;
constexpr auto kFirstRepeat = std::chrono::milliseconds(50);
constexpr auto kClientPause = std::chrono::seconds(5);

unsigned index_in_name(const std::string& name) {
  unsigned index = 0;
  std::from_chars(name.data() + 3, name.data() + name.size(), index);  // "ethN"
  return index;
}

// Debian has udhcpc as a program or only as a part of busybox.
std::vector<std::string> client_program() {
  for (const char* path : {"/usr/sbin/udhcpc", "/sbin/udhcpc"})
    if (::access(path, X_OK) == 0) return {path};
  return {"busybox", "udhcpc"};
}

// Runs in a child of its own; what it found goes into the pipe.
void report_private_addresses(const std::string& name, const MacAddress& mac) {
  const Result<std::vector<Ipv4Address>> addresses = fetch_private_addresses(mac);
  if (!addresses) return;
  const std::string line = write_metadata_event(name, *addresses);
  const host::UniqueFd pipe(::open(kDhcpEventPipe, O_WRONLY | O_CLOEXEC));
  if (line.size() > kLongestLine) return;
  [[maybe_unused]] const ssize_t written = ::write(pipe.get(), line.data(), line.size());
}

}  // namespace

Result<void> Interfaces::prepare() {
  std::ofstream(kEventScript) << kDhcpEventScript;
  if (::chmod(kEventScript, 0755) != 0) return errno_failure("write the DHCP client's script");
  if (::mkfifo(kDhcpEventPipe, 0600) != 0) return errno_failure("make the DHCP client's pipe");
  // Open for writing too, so that it never ends when the last writer goes.
  pipe_ = host::UniqueFd(::open(kDhcpEventPipe, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  epoll_ = host::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{EPOLLIN, {}};
  if (!pipe_.is_open() || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pipe_.get(), &event) != 0)
    return errno_failure("open the DHCP client's pipe");
  return {};
}

Result<void> Interfaces::configure(const std::string& name, const MacAddress& mac, const Console& console) {
  if (!name.starts_with("eth") || ::if_nametoindex(name.c_str()) == 0)
    return failure(std::make_error_code(std::errc::no_such_device), name + " is not there");
  forget(name);
  Interface& interface = interfaces_[name];
  interface.mac = mac;
  start_first_exchange(name, interface);
  if (!interface.first) start_client(name, interface, console);
  return {};
}

void Interfaces::forget(const std::string& name) {
  const auto place = interfaces_.find(name);
  if (place == interfaces_.end()) return;
  Interface& interface = place->second;
  for (const pid_t child : {interface.client, interface.metadata_reader})
    if (child > 0) ::kill(child, SIGKILL);  // It has nothing to say goodbye to.
  const unsigned link = ::if_nametoindex(name.c_str());
  static_cast<void>(apply_settings(link, interface.applied, {}));
  interfaces_.erase(place);
}

bool Interfaces::is_configured(const std::string& name) const {
  const auto place = interfaces_.find(name);
  return place != interfaces_.end() && place->second.lease.has_value();
}

bool Interfaces::are_all_configured() const {
  return std::ranges::all_of(interfaces_, [](const auto& entry) { return entry.second.lease.has_value(); });
}

void Interfaces::start_first_exchange(const std::string& name, Interface& interface) {
  Result<PacketSocket> socket = PacketSocket::open(::if_nametoindex(name.c_str()));
  std::uint32_t transaction_id = 0;
  if (!socket || ::getrandom(&transaction_id, sizeof transaction_id, 0) != sizeof transaction_id) return;
  epoll_event event{EPOLLIN, {}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket->get(), &event) != 0) return;
  interface.first.emplace(*std::move(socket), DhcpExchange(interface.mac, transaction_id), 1,
                          Clock::now() + kFirstRepeat);
  interface.first->socket.broadcast(interface.first->exchange.packet());
}

void Interfaces::continue_first_exchange(const std::string& name, Interface& interface, Console& console) {
  FirstExchange& first = *interface.first;
  std::array<std::uint8_t, 2048> room;
  for (ConstBytes packet; !(packet = first.socket.receive(room)).empty();) {
    const DhcpExchange::Heard heard = first.exchange.on_packet(packet);
    if (heard == DhcpExchange::Heard::kOffer) first.socket.broadcast(first.exchange.packet());
    if (heard != DhcpExchange::Heard::kLease) continue;
    on_event({.interface = name, .lease = first.exchange.lease(), .addresses = {}}, console);
    // Closed here after the metadata reader was forked: it holds the socket as well, so that it
    // is its end, not ours, that waits for the kernel's grace period.
    interface.first.reset();
    interface.start_again = Clock::now() + std::chrono::seconds(1);  // udhcpc's turn.
    return;
  }
}

void Interfaces::start_client(const std::string& name, Interface& interface, const Console& console) {
  Program program;
  program.arguments = client_program();
  // In the foreground, a try every second without a pause between rounds.
  for (const char* word :
       {"-f", "-i", name.c_str(), "-s", kEventScript, "-t", "5", "-T", "1", "-A", "1", "-O", "mtu"})
    program.arguments.emplace_back(word);
  program.arguments.insert(program.arguments.end(), {"-x", "hostname:" + hostname_});
  program.streams = {-1, console.slave(), console.slave()};
  const Result<pid_t> started = start_program(program);
  interface.client = started ? *started : 0;
  interface.client_has_lease = false;
  interface.start_again = Clock::now() + kClientPause;
}

void Interfaces::start_metadata_reader(const std::string& name, Interface& interface) {
  interface.refresh = Clock::now() + kRefresh;
  if (interface.metadata_reader > 0) return;
  const pid_t child = ::fork();
  if (child == 0) {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::alarm(10);
    report_private_addresses(name, interface.mac);
    ::_exit(0);
  }
  if (child > 0) interface.metadata_reader = child;
}

void Interfaces::on_events(Console& console) {
  for (auto& [name, interface] : interfaces_)
    if (interface.first) continue_first_exchange(name, interface, console);
  read_pipe(console);
}

void Interfaces::read_pipe(Console& console) {
  std::array<char, kLongestLine> bytes;
  for (ssize_t count; (count = ::read(pipe_.get(), bytes.data(), bytes.size())) > 0;) {
    unfinished_line_.append(bytes.data(), static_cast<std::size_t>(count));
    for (std::size_t end; (end = unfinished_line_.find('\n')) != std::string::npos;) {
      const auto event = parse_dhcp_event(std::string_view(unfinished_line_).substr(0, end));
      unfinished_line_.erase(0, end + 1);
      if (!event) continue;
      const auto place = interfaces_.find(event->interface);
      if (place == interfaces_.end()) continue;  // The last word of a client that was ended.
      Interface& interface = place->second;
      const bool is_deconfig = !event->lease && !event->addresses;
      if (is_deconfig && !interface.client_has_lease) continue;
      if (!event->addresses) interface.client_has_lease = !is_deconfig;
      on_event(*event, console);
    }
    if (unfinished_line_.size() > kLongestLine) unfinished_line_.clear();
  }
}

void Interfaces::on_event(const DhcpEvent& event, Console& console) {
  Interface& interface = interfaces_.at(event.interface);
  if (event.addresses) {
    interface.private_addresses = *event.addresses;
  } else if (event.lease) {
    if (interface.lease != event.lease)
      console.write(event.interface + " has " + event.lease->address.text() + "/" +
                    std::to_string(event.lease->prefix_length));
    interface.lease = event.lease;
  } else {
    interface.lease.reset();
    interface.private_addresses.clear();
  }
  apply(event.interface, interface, console);
  if (event.lease) start_metadata_reader(event.interface, interface);
}

void Interfaces::apply(const std::string& name, Interface& interface, Console& console) {
  const unsigned link = ::if_nametoindex(name.c_str());
  if (link == 0) return;
  InterfaceSettings settings;
  if (interface.lease)
    settings = plan_settings(index_in_name(name), link, *interface.lease, interface.private_addresses);
  const Result<void> done = apply_settings(link, interface.applied, settings);
  if (!done) console.write(name + ": " + done.error().message);
  if (interface.lease && name == "eth0") {
    const std::string text = write_resolv_conf(*interface.lease);
    // Only when it differs: somebody inside may watch the file, or have put a better one there
    // since the last lease.
    if (std::exchange(resolv_conf_, text) != text) std::ofstream("/etc/resolv.conf") << text;
  }
  interface.applied = std::move(settings);
}

void Interfaces::on_ended(pid_t child) {
  for (auto& [name, interface] : interfaces_) {
    if (interface.client == child) interface.client = 0;
    if (interface.metadata_reader == child) interface.metadata_reader = 0;
  }
}

std::chrono::milliseconds Interfaces::on_time(const Console& console) {
  const Clock::time_point now = Clock::now();
  Clock::time_point next = now + kRefresh;
  for (auto& [name, interface] : interfaces_) {
    if (interface.first && now >= interface.first->repeat) {
      FirstExchange& first = *interface.first;
      if (first.tries == kFirstExchangeTries) {
        interface.first.reset();  // udhcpc's turn.
      } else {
        first.socket.broadcast(first.exchange.packet());
        first.repeat = now + kFirstRepeat * (1 << first.tries++);
      }
    }
    if (interface.first) {
      next = std::min(next, interface.first->repeat);
      continue;
    }
    if (interface.client == 0 && now >= interface.start_again) start_client(name, interface, console);
    if (interface.client == 0) next = std::min(next, interface.start_again);
    if (!interface.lease) continue;
    if (now >= interface.refresh) start_metadata_reader(name, interface);
    next = std::min(next, interface.refresh);
  }
  return std::chrono::ceil<std::chrono::milliseconds>(next - now);
}

void Interfaces::restart() {
  for (auto& [name, interface] : interfaces_) {
    const unsigned link = ::if_nametoindex(name.c_str());
    static_cast<void>(apply_settings(link, interface.applied, {}));
    // Down and up: whatever routes were set by hand go too, as in a machine that restarts.
    if (Result<RouteSocket> routes = RouteSocket::open(); routes && link != 0) {
      static_cast<void>(routes->set_link_up(link, false));
      static_cast<void>(routes->set_link_up(link, true));
    }
    const MacAddress mac = interface.mac;
    interface = Interface{};
    interface.mac = mac;
    start_first_exchange(name, interface);
    // Without it, on_time() starts udhcpc.
  }
}

}  // namespace enid::instances
