// FabricLinks: what a lab asks of one namespace's kernel beyond instances/route_socket.h: links between
// namespaces, routes over several of them, a rate with a bounded queue, and packets led through a forwarder.
//
// Theory of operation
//   A rate is a token bucket (TBF) on the sending end of a link; it cuts super-frames that are larger than
//   its burst, so that what crosses a link of limited rate are the packets that a wire would carry. Its queue
//   is counted in bytes, and what does not fit is dropped at the tail, as in a switch without ECN. Packets
//   are led through a forwarder at the receiving end: a rule hands all IPv4 packets that arrive on one device
//   to another, a TAP, whose owner writes them back when they are due.
//
// Sources
//   Documented: tc-tbf(8), tc-mirred(8), tc-u32(8); rtnetlink(7); veth(4).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "instances/route_socket.h"

namespace enid::lab {

struct LinkEnd {
  int network = -1;  // A descriptor of the namespace.
  std::string name;
  MacAddress mac;
  // Other than the other end's: then a lost carrier is told at once, and within a second otherwise, as the
  // kernel takes a device that is its own peer for one that has none (Observed: linkwatch, Linux 6.18).
  int index = 0;
};

struct NextHop {
  unsigned link = 0;
  Ipv4Address gateway;
};

// Bytes that may leave at once.
std::uint32_t burst_bytes(std::uint64_t rate, std::uint32_t mtu);

class FabricLinks {
 public:
  // Of the namespace that this thread is in.
  static Result<FabricLinks> open();

  instances::RouteSocket& routes() { return routes_; }

  static Result<void> create_pair(instances::RouteSocket& any, const LinkEnd& one, const LinkEnd& other,
                                  std::uint32_t mtu);
  // Its neighbour on the link is known for good, so that no question waits behind a full queue.
  Result<void> add_neighbour(unsigned link, Ipv4Address address, const MacAddress& mac);
  Result<void> add_multipath_route(const Ipv4Prefix& destination, Ipv4Address source,
                                   std::span<const NextHop> hops);

  // 0: as fast as the machine is.
  Result<void> set_rate(unsigned link, std::uint64_t rate, std::uint32_t buffer_bytes, std::uint32_t mtu);
  // What leaves is cut to packets first; for losses, which are of packets.
  Result<void> set_segmentation(const std::string& link_name, bool by_the_device);

  Result<void> redirect_arrivals(unsigned from, unsigned to);
  Result<void> stop_redirecting(unsigned from);

 private:
  explicit FabricLinks(instances::RouteSocket routes) : routes_(std::move(routes)) {}
  instances::RouteSocket routes_;
};

}  // namespace enid::lab
