// A card between network namespaces: what the daemon does, without an API.
//
//   Makes a TAP device in each namespace, binds them to a CardWorker, and programs one VPC, one
//   subnet and one security group with EC2's default rules: members admit each other, all may
//   leave. Addresses and MACs are fixed (see instance_address() and instance_mac()).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "host/card_worker.h"

namespace enid::bench {

// Of the instance with this place in the list: 10.0.1.10, 10.0.1.11, …
Ipv4Address instance_address(std::size_t place);
MacAddress instance_mac(std::size_t place);

// `namespaces` are names as in `ip netns`; each gets a device `device` that is still down.
Result<std::unique_ptr<host::CardWorker>> start_card(const std::vector<std::string>& namespaces,
                                                     const std::string& device);

}  // namespace enid::bench
