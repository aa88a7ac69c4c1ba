// DhcpEvent: what the DHCP client (busybox udhcpc) and the metadata reader tell the init, one
// line each, through the pipe /run/enid/dhcp-events.
//
//   deconfig|ethN                                        the lease is gone, or there was none yet
//   bound|ethN|address|prefix|routers|dns|domain|mtu     also renew; lists are separated by spaces
//   metadata|ethN|addresses                              private addresses by the instance's metadata
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

namespace enid::instances {

struct DhcpLease {
  Ipv4Address address;
  std::uint8_t prefix_length = 32;
  std::optional<Ipv4Address> router;
  std::vector<Ipv4Address> name_servers;
  std::string domain;
  std::uint16_t mtu = 0;  // 0: the server said nothing.

  Ipv4Prefix subnet() const {
    Ipv4Prefix prefix{address, prefix_length};
    prefix.address.value &= prefix.mask();
    return prefix;
  }
  bool operator==(const DhcpLease&) const = default;
};

struct DhcpEvent {
  std::string interface;
  std::optional<DhcpLease> lease;                     // "bound" and "renew".
  std::optional<std::vector<Ipv4Address>> addresses;  // "metadata".
};

// The script that udhcpc runs at every event; it writes the lines above.
extern const char* const kDhcpEventScript;
inline constexpr const char* kDhcpEventPipe = "/run/enid/dhcp-events";

// Events that change nothing (a failed try) and lines that are not ours are nullopt.
std::optional<DhcpEvent> parse_dhcp_event(std::string_view line);
// What goes into resolv.conf must not be able to add a line or an option to it.
bool is_domain(std::string_view text);
std::string write_metadata_event(std::string_view interface, const std::vector<Ipv4Address>& addresses);

}  // namespace enid::instances
