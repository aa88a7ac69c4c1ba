// What this machine is, for those that ask from elsewhere.
#pragma once

#include <cstdint>
#include <string>

#include "base/ip_address.h"
#include "base/result.h"

namespace enid::apps {

// Two processes with the same one see the same files (/proc/sys/kernel/random/boot_id). Empty: not known.
std::string machine_boot_id();

// The MTU of the network device that has this address, in this network namespace. Refused: none has.
Result<std::uint32_t> mtu_of_device_with(Ipv4Address address);

}  // namespace enid::apps
