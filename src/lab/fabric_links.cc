#include "lab/fabric_links.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/bytes.h"

namespace enid::lab {
namespace {

using instances::RouteRequest;

constexpr std::uint32_t kFrameHeaderBytes = 14;
constexpr std::uint32_t kIngressHandle = 0xffff0000;
constexpr std::uint32_t kRateHandle = 0x00010000;

tcmsg traffic_control(unsigned link, std::uint32_t parent, std::uint32_t handle) {
  tcmsg body{};
  body.tcm_family = AF_UNSPEC;
  body.tcm_ifindex = static_cast<int>(link);
  body.tcm_parent = parent;
  body.tcm_handle = handle;
  return body;
}

void add_end(RouteRequest& request, const LinkEnd& end, std::uint32_t mtu) {
  request.add_text(IFLA_IFNAME, end.name);
  request.add(IFLA_MTU, mtu);
  request.add(IFLA_ADDRESS, end.mac);
  request.add(IFLA_NET_NS_FD, static_cast<std::uint32_t>(end.network));
}

}  // namespace

// Chosen: two packets, or what a timer that is late by a quarter of a millisecond would cost.
std::uint32_t burst_bytes(std::uint64_t rate, std::uint32_t mtu) {
  const std::uint64_t late = rate / 8 / 4000;
  return static_cast<std::uint32_t>(
      std::max<std::uint64_t>(std::uint64_t{2} * (mtu + kFrameHeaderBytes), late));
}

Result<FabricLinks> FabricLinks::open() { return FabricLinks(TRY(instances::RouteSocket::open())); }

Result<void> FabricLinks::create_pair(instances::RouteSocket& any, const LinkEnd& one, const LinkEnd& other,
                                      std::uint32_t mtu) {
  ifinfomsg body{};
  body.ifi_index = one.index;
  RouteRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body);
  add_end(request, one, mtu);
  const std::size_t info = request.begin_nest(IFLA_LINKINFO);
  request.add_text(IFLA_INFO_KIND, "veth");
  const std::size_t data = request.begin_nest(IFLA_INFO_DATA);
  const std::size_t peer = request.begin_nest(VETH_INFO_PEER);
  body.ifi_index = other.index;
  request.add_part(body);
  add_end(request, other, mtu);
  request.end_nest(peer);
  request.end_nest(data);
  request.end_nest(info);
  return any.transact(request, 0);
}

Result<void> FabricLinks::add_neighbour(unsigned link, Ipv4Address address, const MacAddress& mac) {
  ndmsg body{};
  body.ndm_family = AF_INET;
  body.ndm_ifindex = static_cast<int>(link);
  body.ndm_state = NUD_PERMANENT;
  RouteRequest request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body);
  request.add(NDA_DST, address);
  request.add(NDA_LLADDR, mac);
  return routes_.transact(request, 0);
}

Result<void> FabricLinks::add_multipath_route(const Ipv4Prefix& destination, Ipv4Address source,
                                              std::span<const NextHop> hops) {
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_dst_len = destination.length;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  RouteRequest request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, body);
  request.add(RTA_DST, destination.address);
  request.add(RTA_PREFSRC, source);
  const std::size_t all = request.begin_nest(RTA_MULTIPATH);
  for (const NextHop& hop : hops) {
    rtnexthop part{};
    part.rtnh_len = sizeof(rtnexthop) + RTA_LENGTH(4);
    part.rtnh_ifindex = static_cast<int>(hop.link);
    request.add_part(part);
    request.add(RTA_GATEWAY, hop.gateway);
  }
  request.end_nest(all);
  return routes_.transact(request, 0);
}

Result<void> FabricLinks::set_rate(unsigned link, std::uint64_t rate, std::uint32_t buffer_bytes,
                                   std::uint32_t mtu) {
  if (rate == 0) {
    RouteRequest request(RTM_DELQDISC, 0, traffic_control(link, TC_H_ROOT, 0));
    return routes_.transact(request, ENOENT);
  }
  RouteRequest request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE,
                       traffic_control(link, TC_H_ROOT, kRateHandle));
  request.add_text(TCA_KIND, "tbf");
  const std::size_t options = request.begin_nest(TCA_OPTIONS);
  tc_tbf_qopt settings{};
  const std::uint64_t bytes_per_second = rate / 8;
  settings.rate.rate =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes_per_second, ~std::uint32_t{0}));
  settings.rate.linklayer = TC_LINKLAYER_ETHERNET;
  settings.limit = buffer_bytes;
  request.add(TCA_TBF_PARMS, &settings, sizeof settings);
  request.add(TCA_TBF_BURST, burst_bytes(rate, mtu));
  if (bytes_per_second >= settings.rate.rate && settings.rate.rate == ~std::uint32_t{0})
    request.add(TCA_TBF_RATE64, &bytes_per_second, sizeof bytes_per_second);
  request.end_nest(options);
  return routes_.transact(request, 0);
}

Result<void> FabricLinks::set_segmentation(const std::string& link_name, bool by_the_device) {
  const host::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return errno_failure("open a socket");
  // "Generic" covers what the kernel cuts before a device that does not; "TCP" what the device takes whole.
  for (const std::uint32_t command : {std::uint32_t{ETHTOOL_STSO}, std::uint32_t{ETHTOOL_SGSO}}) {
    ethtool_value value{command, by_the_device ? 1u : 0u};
    ifreq request{};
    std::memcpy(request.ifr_name, link_name.data(), std::min(link_name.size(), sizeof request.ifr_name - 1));
    request.ifr_data = reinterpret_cast<char*>(&value);
    if (::ioctl(socket.get(), SIOCETHTOOL, &request) != 0)
      return errno_failure("change the segmentation of " + link_name);
  }
  return {};
}

Result<void> FabricLinks::redirect_arrivals(unsigned from, unsigned to) {
  TRY(stop_redirecting(from));
  {
    RouteRequest request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL,
                         traffic_control(from, TC_H_INGRESS, kIngressHandle));
    request.add_text(TCA_KIND, "ingress");
    TRY(routes_.transact(request, 0));
  }
  tcmsg body = traffic_control(from, kIngressHandle, 0);
  body.tcm_info = TC_H_MAKE(1u << 16, htons(ETH_P_IP));  // Priority 1; the protocol.
  RouteRequest request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, body);
  request.add_text(TCA_KIND, "u32");
  const std::size_t options = request.begin_nest(TCA_OPTIONS);
  // A selector with one key behind it; the key is all zeros: whatever the packet has.
  std::array<std::uint8_t, sizeof(tc_u32_sel) + sizeof(tc_u32_key)> match{};
  match[offsetof(tc_u32_sel, flags)] = TC_U32_TERMINAL;
  match[offsetof(tc_u32_sel, nkeys)] = 1;
  request.add(TCA_U32_SEL, match.data(), match.size());
  const std::size_t actions = request.begin_nest(TCA_U32_ACT);
  const std::size_t first = request.begin_nest(1);
  request.add_text(TCA_ACT_KIND, "mirred");
  const std::size_t settings = request.begin_nest(TCA_ACT_OPTIONS);
  tc_mirred redirect{};
  redirect.action = TC_ACT_STOLEN;
  redirect.eaction = TCA_EGRESS_REDIR;
  redirect.ifindex = to;
  request.add(TCA_MIRRED_PARMS, &redirect, sizeof redirect);
  request.end_nest(settings);
  request.end_nest(first);
  request.end_nest(actions);
  request.end_nest(options);
  return routes_.transact(request, 0);
}

Result<void> FabricLinks::stop_redirecting(unsigned from) {
  RouteRequest request(RTM_DELQDISC, 0, traffic_control(from, TC_H_INGRESS, kIngressHandle));
  // EINVAL is how some kernels say that there is none.
  const Result<void> done = routes_.transact(request, ENOENT);
  if (!done && done.error().code.value() == EINVAL) return {};
  return done;
}

}  // namespace enid::lab
