#include "instances/tap_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <optional>

#include "instances/route_socket.h"

namespace enid::instances {

Result<host::UniqueFd> open_tap(const std::string& name) {
  host::UniqueFd tap(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tap.is_open()) return errno_failure("open /dev/net/tun");
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(tap.get(), TUNSETIFF, &request) != 0) return errno_failure("make " + name);
  int header = kVirtioHeaderBytes;
  if (::ioctl(tap.get(), TUNSETVNETHDRSZ, &header) != 0) return errno_failure("set the header of " + name);
  // Which frames may arrive here unfinished. Older kernels know less; without any of it the
  // device still works, one small frame at a time.
  for (const unsigned offloads : {TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
                                  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, TUN_F_CSUM})
    if (::ioctl(tap.get(), TUNSETOFFLOAD, offloads) == 0) break;
  if (::ioctl(tap.get(), TUNSETPERSIST, 1) != 0) return errno_failure("keep " + name);
  return tap;
}

Result<void> configure_tap(const std::string& name, const MacAddress& mac, std::uint16_t mtu) {
  RouteSocket routes = TRY(RouteSocket::open());
  const std::optional<Link> link = TRY(routes.find_link(name));
  if (!link) return failure(std::make_error_code(std::errc::no_such_device), name + " is not there");
  if (link->mac != mac) TRY(routes.set_link_address(link->index, mac));
  return routes.set_link_mtu(link->index, mtu);
}

Result<void> set_tap_up(const std::string& name) {
  RouteSocket routes = TRY(RouteSocket::open());
  const std::optional<Link> link = TRY(routes.find_link(name));
  if (!link) return failure(std::make_error_code(std::errc::no_such_device), name + " is not there");
  return routes.set_link_up(link->index, true);
}

Result<void> delete_tap(const std::string& name) {
  RouteSocket routes = TRY(RouteSocket::open());
  const std::optional<Link> link = TRY(routes.find_link(name));
  if (!link) return {};
  return routes.delete_link(link->index);
}

}  // namespace enid::instances
