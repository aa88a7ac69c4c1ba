// Interfaces: the network interfaces of an instance, each with its DHCP client.
//
// Theory of operation
//   configure() makes a first DHCP exchange itself (dhcp_exchange.h says why), then starts
//   udhcpc, which keeps the lease. udhcpc runs a script at every event, which writes one line
//   into a pipe; on_events() reads the lines and sets addresses, routes and rules
//   (interface_settings.h). Once an interface has a lease, a child asks the metadata service
//   for its further private addresses and writes them into the same pipe; so again every
//   kRefreshSeconds, because a DHCP lease carries the primary address only.
//
// Invariants
//   (1) A client that ends is started again, after a pause.
//   (2) Nothing here blocks: what waits for the network is a child process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "host/unique_fd.h"
#include "instances/init/console.h"
#include "instances/init/dhcp_exchange.h"
#include "instances/init/dhcp_lease.h"
#include "instances/init/interface_settings.h"
#include "instances/init/packet_socket.h"

namespace enid::instances {

class Interfaces {
 public:
  // Chosen: amazon-ec2-net-utils asks about as often.
  static constexpr auto kRefresh = std::chrono::seconds(30);

  explicit Interfaces(std::string hostname) : hostname_(std::move(hostname)) {}

  // Makes the events' pipe and script below /run/enid.
  Result<void> prepare();

  Result<void> configure(const std::string& name, const MacAddress& mac, const Console& console);
  void forget(const std::string& name);
  bool is_configured(const std::string& name) const;
  bool are_all_configured() const;

  int events() const { return epoll_.get(); }
  void on_events(Console& console);
  void on_ended(pid_t child);  // Of any child.
  // Starts what is due; says when to come again.
  std::chrono::milliseconds on_time(const Console& console);

  // All clients have been ended: takes every setting back and starts anew.
  void restart();

 private:
  // The first exchange, while it goes on.
  struct FirstExchange {
    PacketSocket socket;
    DhcpExchange exchange;
    int tries = 1;
    std::chrono::steady_clock::time_point repeat;
  };

  struct Interface {
    MacAddress mac;
    std::optional<FirstExchange> first;
    pid_t client = 0;
    pid_t metadata_reader = 0;
    std::optional<DhcpLease> lease;
    bool client_has_lease = false;  // Until then, the client's "deconfig" is about nothing.
    std::vector<Ipv4Address> private_addresses;
    InterfaceSettings applied;
    std::chrono::steady_clock::time_point start_again;
    std::chrono::steady_clock::time_point refresh;
  };

  void start_first_exchange(const std::string& name, Interface& interface);
  void continue_first_exchange(const std::string& name, Interface& interface, Console& console);
  void read_pipe(Console& console);
  void start_client(const std::string& name, Interface& interface, const Console& console);
  void start_metadata_reader(const std::string& name, Interface& interface);
  void on_event(const DhcpEvent& event, Console& console);
  void apply(const std::string& name, Interface& interface, Console& console);

  std::string hostname_;
  host::UniqueFd pipe_;
  host::UniqueFd epoll_;  // Over the pipe and the first exchanges' sockets.
  std::string unfinished_line_;
  std::string resolv_conf_;  // As last written.
  std::map<std::string, Interface> interfaces_;
};

}  // namespace enid::instances
