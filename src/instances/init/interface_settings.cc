#include "instances/init/interface_settings.h"

#include <algorithm>
#include <fstream>
#include <string_view>
#include <utility>

namespace enid::instances {
namespace {

constexpr std::uint32_t kMetric = 512;  // Behind what somebody sets by hand.
constexpr std::uint32_t kFirstTable = 10'000;

template <class T>
bool contains(const std::vector<T>& list, const T& wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

}  // namespace

InterfaceSettings plan_settings(unsigned device_index, unsigned link, const DhcpLease& lease,
                                const std::vector<Ipv4Address>& private_addresses) {
  InterfaceSettings settings{
      .addresses = {{lease.address, lease.prefix_length}}, .routes = {}, .rules = {}, .mtu = lease.mtu};
  for (const Ipv4Address& address : private_addresses)
    if (address != lease.address) settings.addresses.push_back({address, lease.prefix_length});

  const std::uint32_t metric = kMetric + device_index;
  const Route subnet{
      .destination = lease.subnet(), .gateway = {}, .source = lease.address, .link = link, .metric = metric};
  settings.routes.push_back(subnet);
  Route way_out{
      .destination = {}, .gateway = lease.router, .source = lease.address, .link = link, .metric = metric};
  if (device_index == 0) {
    if (lease.router) settings.routes.push_back(way_out);
    return settings;
  }
  const std::uint32_t table = kFirstTable + device_index;
  Route own_subnet = subnet;
  own_subnet.table = way_out.table = table;
  // Without preferred sources: the table serves every address of the interface.
  own_subnet.source = way_out.source = std::nullopt;
  settings.routes.push_back(own_subnet);
  if (lease.router) settings.routes.push_back(way_out);
  for (const InterfaceAddress& address : settings.addresses)
    settings.rules.push_back({address.address, table, table});
  return settings;
}

Result<void> apply_settings(unsigned link, const InterfaceSettings& before,
                            const InterfaceSettings& settings) {
  RouteSocket routes = TRY(RouteSocket::open());
  for (const SourceRule& rule : before.rules)
    if (!contains(settings.rules, rule)) TRY(routes.delete_rule(rule));
  for (const InterfaceAddress& address : before.addresses)
    if (!contains(settings.addresses, address)) TRY(routes.delete_address(link, address));
  // Once: whoever changes it inside keeps it through renewals.
  if (settings.mtu != 0 && settings.mtu != before.mtu) TRY(routes.set_link_mtu(link, settings.mtu));
  for (const InterfaceAddress& address : settings.addresses) TRY(routes.add_address(link, address));
  for (const Route& route : settings.routes) TRY(routes.add_route(route));
  for (const SourceRule& rule : settings.rules) TRY(routes.add_rule(rule));
  return {};
}

std::string write_resolv_conf(const DhcpLease& lease) {
  std::string text;
  if (!lease.domain.empty()) text += "search " + lease.domain + "\n";
  for (const Ipv4Address& server : lease.name_servers) text += "nameserver " + server.text() + "\n";
  return text;
}

Result<void> prepare_network() {
  static constexpr std::pair<std::string_view, std::string_view> kSettings[] = {
      // Two interfaces in one subnet: each answers for, and speaks from, its own addresses only.
      {"ipv4/conf/all/arp_ignore", "1"},
      {"ipv4/conf/all/arp_announce", "2"},
      // Loose, as answers to an address may come in by another interface (ip-sysctl, rp_filter).
      {"ipv4/conf/all/rp_filter", "2"},
      {"ipv4/conf/default/rp_filter", "2"},
      // Addresses come from DHCP only; the card sends no router advertisements.
      {"ipv6/conf/default/accept_ra", "0"},
      {"ipv6/conf/default/addr_gen_mode", "1"},
  };
  for (const auto& [name, value] : kSettings) {
    std::ofstream file("/proc/sys/net/" + std::string(name));
    file << value;  // A kernel without IPv6 lacks some; nothing is lost then.
  }
  RouteSocket routes = TRY(RouteSocket::open());
  return routes.set_link_up(1, true);  // The loopback is a namespace's first link.
}

}  // namespace enid::instances
