#include "instances/route_socket.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/bytes.h"
#include "base/check.h"

namespace enid::instances {
namespace {

// Attributes behind a message's fixed part, as (type, bytes).
template <class OnAttribute>
void for_each_attribute(std::span<const std::uint8_t> bytes, OnAttribute on_attribute) {
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > bytes.size()) return;
    on_attribute(header.rta_type, bytes.subspan(sizeof header, header.rta_len - sizeof header));
    bytes = bytes.subspan(std::min<std::size_t>(RTA_ALIGN(header.rta_len), bytes.size()));
  }
}

template <class Body>
std::optional<Body> body_of(std::span<const std::uint8_t> payload) {
  if (payload.size() < sizeof(Body)) return std::nullopt;
  Body body;
  std::memcpy(&body, payload.data(), sizeof body);
  return body;
}

template <class Body>
std::span<const std::uint8_t> behind(std::span<const std::uint8_t> payload) {
  return payload.subspan(std::min<std::size_t>(NLMSG_ALIGN(sizeof(Body)), payload.size()));
}

}  // namespace

Result<RouteSocket> RouteSocket::open() {
  host::UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.is_open()) return errno_failure("open a netlink socket");
  const timeval limit{2, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return RouteSocket(std::move(socket));
}

template <class OnMessage>
Result<void> RouteSocket::dump(RouteRequest& request, OnMessage on_message) {
  const std::span<const std::uint8_t> out = request.finish(++sequence_);
  if (::send(socket_.get(), out.data(), out.size(), 0) < 0) return errno_failure("ask the kernel's network");
  alignas(nlmsghdr) std::array<std::uint8_t, 32 * 1024> in;
  for (;;) {
    const ssize_t received = ::recv(socket_.get(), in.data(), in.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return errno_failure("hear from the kernel's network");
    std::span<const std::uint8_t> bytes(in.data(), static_cast<std::size_t>(received));
    while (bytes.size() >= sizeof(nlmsghdr)) {
      nlmsghdr header;
      std::memcpy(&header, bytes.data(), sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) break;
      const auto payload = bytes.subspan(sizeof header, header.nlmsg_len - sizeof header);
      bytes = bytes.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes.size()));
      if (header.nlmsg_seq != sequence_) continue;  // Late, of a request that timed out.
      if (header.nlmsg_type == NLMSG_DONE) return {};
      if (header.nlmsg_type == NLMSG_ERROR) {
        const auto error = body_of<nlmsgerr>(payload);
        if (error && error->error == 0) return {};
        errno = error ? -error->error : EPROTO;
        return errno_failure("change the network");
      }
      on_message(payload);
    }
  }
}

Result<void> RouteSocket::transact(RouteRequest& request, int accepted_error) {
  request.add_flags(NLM_F_ACK);
  Result<void> done = dump(request, [](std::span<const std::uint8_t>) {});
  if (!done && done.error().code == std::error_code(accepted_error, std::generic_category())) return {};
  if (!done && done.error().code == std::error_code(accepted_error, std::system_category())) return {};
  return done;
}

Result<std::vector<Link>> RouteSocket::links() {
  RouteRequest request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
  std::vector<Link> links;
  TRY(dump(request, [&](std::span<const std::uint8_t> payload) {
    const auto body = body_of<ifinfomsg>(payload);
    if (!body) return;
    Link link{.index = static_cast<unsigned>(body->ifi_index),
              .name = {},
              .mac = {},
              .up = (body->ifi_flags & IFF_UP) != 0};
    for_each_attribute(behind<ifinfomsg>(payload), [&](unsigned type, std::span<const std::uint8_t> value) {
      if (type == IFLA_IFNAME && !value.empty()) link.name = as_text(value.first(value.size() - 1));
      if (type == IFLA_ADDRESS && value.size() == 6) std::ranges::copy(value, link.mac.bytes.begin());
    });
    links.push_back(std::move(link));
  }));
  return links;
}

Result<std::optional<Link>> RouteSocket::find_link(const std::string& name) {
  for (Link& link : TRY(links()))
    if (link.name == name) return std::move(link);
  return std::nullopt;
}

Result<void> RouteSocket::set_link_address(unsigned link, const MacAddress& mac) {
  ifinfomsg body{};
  body.ifi_index = static_cast<int>(link);
  RouteRequest request(RTM_NEWLINK, 0, body);
  request.add(IFLA_ADDRESS, mac.bytes.data(), mac.bytes.size());
  return transact(request, 0);
}

Result<void> RouteSocket::set_link_mtu(unsigned link, std::uint32_t mtu) {
  ifinfomsg body{};
  body.ifi_index = static_cast<int>(link);
  RouteRequest request(RTM_NEWLINK, 0, body);
  request.add(IFLA_MTU, mtu);
  return transact(request, 0);
}

Result<void> RouteSocket::set_link_up(unsigned link, bool up) {
  ifinfomsg body{};
  body.ifi_index = static_cast<int>(link);
  if (up) body.ifi_flags = IFF_UP;
  body.ifi_change = IFF_UP;
  RouteRequest request(RTM_NEWLINK, 0, body);
  return transact(request, 0);
}

Result<void> RouteSocket::delete_link(unsigned link) {
  ifinfomsg body{};
  body.ifi_index = static_cast<int>(link);
  RouteRequest request(RTM_DELLINK, 0, body);
  return transact(request, ENODEV);
}

Result<std::vector<InterfaceAddress>> RouteSocket::addresses(unsigned link) {
  ifaddrmsg asked{};
  asked.ifa_family = AF_INET;
  RouteRequest request(RTM_GETADDR, NLM_F_DUMP, asked);
  std::vector<InterfaceAddress> found;
  TRY(dump(request, [&](std::span<const std::uint8_t> payload) {
    const auto body = body_of<ifaddrmsg>(payload);
    if (!body || body->ifa_index != link) return;
    for_each_attribute(behind<ifaddrmsg>(payload), [&](unsigned type, std::span<const std::uint8_t> value) {
      if (type == IFA_LOCAL && value.size() == 4)
        found.push_back({Ipv4Address{load_be32(value.data())}, body->ifa_prefixlen});
    });
  }));
  return found;
}

Result<void> RouteSocket::add_address(unsigned link, const InterfaceAddress& address) {
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_prefixlen = address.prefix_length;
  body.ifa_index = link;
  RouteRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body);
  request.add(IFA_LOCAL, address.address);
  request.add(IFA_ADDRESS, address.address);
  const Ipv4Prefix subnet{{}, address.prefix_length};
  if (address.prefix_length < 31)
    request.add(IFA_BROADCAST, Ipv4Address{address.address.value | ~subnet.mask()});
  request.add(IFA_FLAGS, std::uint32_t{IFA_F_NOPREFIXROUTE});
  return transact(request, EEXIST);
}

Result<void> RouteSocket::delete_address(unsigned link, const InterfaceAddress& address) {
  ifaddrmsg body{};
  body.ifa_family = AF_INET;
  body.ifa_prefixlen = address.prefix_length;
  body.ifa_index = link;
  RouteRequest request(RTM_DELADDR, 0, body);
  request.add(IFA_LOCAL, address.address);
  return transact(request, EADDRNOTAVAIL);
}

Result<void> RouteSocket::add_route(const Route& route) {
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_dst_len = route.destination.length;
  body.rtm_table = RT_TABLE_UNSPEC;  // RTA_TABLE holds it, being larger than a byte.
  body.rtm_protocol = RTPROT_DHCP;
  body.rtm_scope = route.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  body.rtm_type = RTN_UNICAST;
  RouteRequest request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body);
  if (route.destination.length > 0) request.add(RTA_DST, route.destination.address);
  if (route.gateway) request.add(RTA_GATEWAY, *route.gateway);
  if (route.source) request.add(RTA_PREFSRC, *route.source);
  request.add(RTA_OIF, route.link);
  request.add(RTA_TABLE, route.table);
  if (route.metric != 0) request.add(RTA_PRIORITY, route.metric);
  return transact(request, EEXIST);
}

Result<std::vector<SourceRule>> RouteSocket::source_rules() {
  fib_rule_hdr asked{};
  asked.family = AF_INET;
  RouteRequest request(RTM_GETRULE, NLM_F_DUMP, asked);
  std::vector<SourceRule> rules;
  TRY(dump(request, [&](std::span<const std::uint8_t> payload) {
    const auto body = body_of<fib_rule_hdr>(payload);
    if (!body || body->src_len != 32) return;
    SourceRule rule{{}, body->table, 0};
    const auto number = [](std::span<const std::uint8_t> value) {
      std::uint32_t read = 0;
      if (value.size() == sizeof read) std::memcpy(&read, value.data(), sizeof read);
      return read;
    };
    for_each_attribute(behind<fib_rule_hdr>(payload),
                       [&](unsigned type, std::span<const std::uint8_t> value) {
                         if (type == FRA_SRC && value.size() == 4)
                           rule.source = Ipv4Address{load_be32(value.data())};
                         if (type == FRA_TABLE) rule.table = number(value);
                         if (type == FRA_PRIORITY) rule.priority = number(value);
                       });
    rules.push_back(rule);
  }));
  return rules;
}

Result<void> RouteSocket::add_rule(const SourceRule& rule) {
  fib_rule_hdr body{};
  body.family = AF_INET;
  body.src_len = 32;
  body.action = FR_ACT_TO_TBL;
  RouteRequest request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, body);
  request.add(FRA_SRC, rule.source);
  request.add(FRA_TABLE, rule.table);
  request.add(FRA_PRIORITY, rule.priority);
  return transact(request, EEXIST);
}

Result<void> RouteSocket::delete_rule(const SourceRule& rule) {
  fib_rule_hdr body{};
  body.family = AF_INET;
  body.src_len = 32;
  body.action = FR_ACT_TO_TBL;
  RouteRequest request(RTM_DELRULE, 0, body);
  request.add(FRA_SRC, rule.source);
  request.add(FRA_TABLE, rule.table);
  request.add(FRA_PRIORITY, rule.priority);
  return transact(request, ENOENT);
}

}  // namespace enid::instances
