// RouteSocket: links, addresses, routes and rules of one network namespace (rtnetlink(7)).
//
// Theory of operation
//   Each call builds one request, sends it and waits for the kernel's answer; the kernel
//   answers at once, in the same system call. The socket belongs to the namespace in which it
//   was opened, whichever thread uses it.
//
// Invariants: "add" of what exists and "delete" of what does not exist succeed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "host/unique_fd.h"
#include "instances/route_request.h"

namespace enid::instances {

struct Link {
  unsigned index = 0;
  std::string name;
  MacAddress mac;
  bool up = false;
};

struct InterfaceAddress {
  Ipv4Address address;
  std::uint8_t prefix_length = 32;
  auto operator<=>(const InterfaceAddress&) const = default;
};

struct Route {
  Ipv4Prefix destination;
  std::optional<Ipv4Address> gateway;  // None: the destination is on the link.
  std::optional<Ipv4Address> source;   // Preferred source.
  unsigned link = 0;
  std::uint32_t table = 254;  // main
  std::uint32_t metric = 0;
};

// "From this address, look in that table."
struct SourceRule {
  Ipv4Address source;
  std::uint32_t table = 0;
  std::uint32_t priority = 0;
  auto operator<=>(const SourceRule&) const = default;
};

class RouteSocket {
 public:
  static Result<RouteSocket> open();

  Result<std::vector<Link>> links();
  Result<std::optional<Link>> find_link(const std::string& name);
  Result<void> set_link_address(unsigned link, const MacAddress& mac);
  Result<void> set_link_mtu(unsigned link, std::uint32_t mtu);
  Result<void> set_link_up(unsigned link, bool up);
  Result<void> delete_link(unsigned link);

  Result<std::vector<InterfaceAddress>> addresses(unsigned link);
  // The kernel adds no route for the address's subnet; see add_route.
  Result<void> add_address(unsigned link, const InterfaceAddress& address);
  Result<void> delete_address(unsigned link, const InterfaceAddress& address);

  Result<void> add_route(const Route& route);  // Replaces one of the same table, destination and metric.
  Result<std::vector<SourceRule>> source_rules();
  Result<void> add_rule(const SourceRule& rule);
  Result<void> delete_rule(const SourceRule& rule);

  // Any other request; `accepted_error` is an errno that counts as done, 0: none does.
  Result<void> transact(RouteRequest& request, int accepted_error);

 private:
  explicit RouteSocket(host::UniqueFd socket) : socket_(std::move(socket)) {}

  template <class OnMessage>
  Result<void> dump(RouteRequest& request, OnMessage on_message);

  host::UniqueFd socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace enid::instances
