// InterfaceSettings: which addresses, routes and rules an interface of an instance gets, and
// the hand that sets them.
//
// Theory of operation
//   plan_settings() decides, from the lease and the private addresses; apply_settings() adds
//   what is new and takes back what an earlier plan had and this one has not. What somebody
//   inside added by hand is never touched.
//
//   Every interface has its subnet's route in the main table, eth0 the preferred one and the
//   default route. Interface N > 0 has table 10000 + N as well, with its own default route,
//   and a rule per address that leads there, so that answers leave by the interface that was
//   asked. Chosen: the numbers, after Amazon Linux's amazon-ec2-net-utils, whose machines
//   behave so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "instances/init/dhcp_lease.h"
#include "instances/route_socket.h"

namespace enid::instances {

struct InterfaceSettings {
  std::vector<InterfaceAddress> addresses;  // The primary one first.
  std::vector<Route> routes;                // In the order in which they must be added.
  std::vector<SourceRule> rules;
  std::uint16_t mtu = 0;  // 0: leave it.
};

// `private_addresses` may hold the primary one too.
InterfaceSettings plan_settings(unsigned device_index, unsigned link, const DhcpLease& lease,
                                const std::vector<Ipv4Address>& private_addresses);

Result<void> apply_settings(unsigned link, const InterfaceSettings& before,
                            const InterfaceSettings& settings);

std::string write_resolv_conf(const DhcpLease& lease);

// For a new network namespace: the loopback is up, and interfaces get no address by themselves.
Result<void> prepare_network();

}  // namespace enid::instances
