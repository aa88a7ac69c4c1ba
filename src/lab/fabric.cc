#include "lab/fabric.h"

#include "instances/network_namespace.h"
#include "lab/fabric_links.h"
#include "lab/named_namespace.h"

namespace enid::lab {
namespace {

using instances::NetworkNamespaceScope;

// Of devices; see LinkEnd.
constexpr int kFirstSpineIndex = 100;
constexpr int kFirstHostIndex = 1000;

Result<NetworkNamespaceScope> enter(const std::string& network) {
  const host::UniqueFd descriptor = TRY(open_namespace(network));
  return NetworkNamespaceScope::enter(descriptor);
}

Result<unsigned> index_of(instances::RouteSocket& routes, const std::string& device) {
  const auto link = TRY(routes.find_link(device));
  if (!link) return failure(std::make_error_code(std::errc::no_such_device), "there is no device " + device);
  return link->index;
}

// The first namespace's settings may be inherited: all that matters is said.
void set_kernel_settings(const FabricPlan& plan) {
  set_kernel_setting("net.ipv4.ip_forward", "1");
  set_kernel_setting("net.ipv4.fib_multipath_hash_policy", "1");
  // Since Linux 6.11; before, another choice of paths each time.
  set_kernel_setting("net.ipv4.fib_multipath_hash_seed", std::to_string(plan.seed & 0xffffffff));
  for (const char* devices : {"all", "default"}) {
    const std::string folder = std::string("net.ipv4.conf.") + devices;
    // A packet may come by another link than its answer goes, and by way of a forwarder.
    set_kernel_setting(folder + ".rp_filter", "0");
    set_kernel_setting(folder + ".ignore_routes_with_linkdown", "1");
    set_kernel_setting(folder + ".send_redirects", "0");
    set_kernel_setting(std::string("net.ipv6.conf.") + devices + ".disable_ipv6", "1");
  }
}

Result<void> create_prepared_namespace(const FabricPlan& plan, const std::string& name) {
  TRY(create_namespace(name));
  const auto inside = TRY(enter(name));
  set_kernel_settings(plan);
  return {};
}

// One end of a link: up, with its address, its neighbour, and the way to the neighbour.
Result<unsigned> connect_end(FabricLinks& links, const std::string& device, Ipv4Address own, Ipv4Address peer,
                             const MacAddress& peer_mac) {
  const unsigned link = TRY(index_of(links.routes(), device));
  TRY(links.routes().set_link_up(link, true));
  TRY(links.routes().add_address(link, {own, 32}));
  TRY(links.add_neighbour(link, peer, peer_mac));
  TRY(links.routes().add_route({.destination = {peer, 32}, .gateway = {}, .source = own, .link = link}));
  return link;
}

}  // namespace

Result<void> Fabric::create_namespaces() const {
  for (std::uint16_t spine = 1; spine <= plan_.spines; ++spine)
    TRY(create_prepared_namespace(plan_, plan_.spine_namespace(spine)));
  for (std::uint16_t host = 1; host <= plan_.hosts; ++host)
    TRY(create_prepared_namespace(plan_, plan_.host_namespace(host)));
  return {};
}

Result<void> Fabric::connect_links() const {
  for (const LinkId link : plan_.links()) {
    const host::UniqueFd host = TRY(open_namespace(plan_.host_namespace(link.host)));
    const host::UniqueFd spine = TRY(open_namespace(plan_.spine_namespace(link.spine)));
    const auto inside = TRY(NetworkNamespaceScope::enter(host));
    auto routes = TRY(instances::RouteSocket::open());
    TRY(FabricLinks::create_pair(
        routes, {host.get(), host_link_name(link), host_link_mac(link), kFirstSpineIndex + link.spine},
        {spine.get(), spine_link_name(link), spine_link_mac(link), kFirstHostIndex + link.host}, plan_.mtu));
  }
  for (const LinkId link : plan_.links()) {
    TRY(connect_host_end(link));
    TRY(connect_spine_end(link));
  }
  return {};
}

Result<void> Fabric::connect_host_end(LinkId link) const {
  const auto inside = TRY(enter(plan_.host_namespace(link.host)));
  FabricLinks links = TRY(FabricLinks::open());
  const unsigned device = TRY(connect_end(links, host_link_name(link), host_link_address(link),
                                          spine_link_address(link), spine_link_mac(link)));
  // The other hosts' ends of their links to the same spine.
  return links.routes().add_route({.destination = plane_addresses(link.spine),
                                   .gateway = spine_link_address(link),
                                   .source = host_link_address(link),
                                   .link = device});
}

Result<void> Fabric::connect_spine_end(LinkId link) const {
  const auto inside = TRY(enter(plan_.spine_namespace(link.spine)));
  FabricLinks links = TRY(FabricLinks::open());
  const unsigned device = TRY(connect_end(links, spine_link_name(link), spine_link_address(link),
                                          host_link_address(link), host_link_mac(link)));
  return links.routes().add_route({.destination = {host_address(link.host), 32},
                                   .gateway = host_link_address(link),
                                   .source = {},
                                   .link = device});
}

Result<void> Fabric::route_hosts() const {
  for (std::uint16_t host = 1; host <= plan_.hosts; ++host) {
    const auto inside = TRY(enter(plan_.host_namespace(host)));
    FabricLinks links = TRY(FabricLinks::open());
    const unsigned loopback = TRY(index_of(links.routes(), "lo"));
    TRY(links.routes().add_address(loopback, {host_address(host), 32}));
    // Who asks the device of this address for its MTU means the network's.
    TRY(links.routes().set_link_mtu(loopback, plan_.mtu));
    std::vector<NextHop> hops;
    for (std::uint16_t spine = 1; spine <= plan_.spines; ++spine) {
      const LinkId link{host, spine};
      hops.push_back({TRY(index_of(links.routes(), host_link_name(link))), spine_link_address(link)});
    }
    TRY(links.add_multipath_route(kHostAddresses, host_address(host), hops));
  }
  return {};
}

Result<void> Fabric::apply(LinkId link, const Impairment& impairment) const {
  TRY(apply_at(plan_.host_namespace(link.host), host_link_name(link), impairment));
  TRY(apply_at(plan_.spine_namespace(link.spine), spine_link_name(link), impairment));
  // A device that is set down forgets its routes, so the whole end is made again.
  if (!impairment.down) return connect_spine_end(link);
  const auto inside = TRY(enter(plan_.spine_namespace(link.spine)));
  auto routes = TRY(instances::RouteSocket::open());
  return routes.set_link_up(TRY(index_of(routes, spine_link_name(link))), false);
}

Result<void> Fabric::apply_at(const std::string& network, const std::string& device,
                              const Impairment& impairment) const {
  const auto inside = TRY(enter(network));
  FabricLinks links = TRY(FabricLinks::open());
  const std::uint64_t rate = impairment.rate != 0 ? impairment.rate : plan_.rate;
  TRY(links.set_rate(TRY(index_of(links.routes(), device)), rate, plan_.buffer_bytes, plan_.mtu));
  return links.set_segmentation(device, impairment.loss == 0);
}

Result<void> Fabric::stop_redirecting(LinkId link) const {
  const auto stop = [](const std::string& network, const std::string& device) -> Result<void> {
    const auto inside = TRY(enter(network));
    FabricLinks links = TRY(FabricLinks::open());
    return links.stop_redirecting(TRY(index_of(links.routes(), device)));
  };
  TRY(stop(plan_.host_namespace(link.host), host_link_name(link)));
  return stop(plan_.spine_namespace(link.spine), spine_link_name(link));
}

std::vector<std::string> Fabric::namespaces(const std::string& lab_name) {
  const FabricPlan any{.name = lab_name};
  std::vector<std::string> found = namespace_names();
  std::erase_if(found, [&](const std::string& name) { return !any.is_namespace_of_ours(name); });
  return found;
}

// Links first: a namespace may outlive its name when a process of a user's is in it.
Result<void> Fabric::remove(const std::vector<std::string>& namespaces) {
  for (const std::string& name : namespaces) {
    // A file that a crash left without a namespace has nothing inside.
    if (const auto inside = enter(name)) {
      auto routes = TRY(instances::RouteSocket::open());
      for (const instances::Link& link : TRY(routes.links()))
        if (link.name.starts_with("host-") || link.name.starts_with("spine-"))
          TRY(routes.delete_link(link.index));
    }
    TRY(remove_namespace(name));
  }
  return {};
}

}  // namespace enid::lab
