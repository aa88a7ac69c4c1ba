// A reader of the instance metadata service (IMDSv2), from inside the instance.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace enid::instances {

// The body of http://169.254.169.254/latest/meta-data/`path`. Blocks, for a bounded time.
Result<std::string> fetch_metadata(std::string_view path);

// The private addresses of the interface with this MAC; the primary one is first.
// Documented: network/interfaces/macs/<mac>/local-ipv4s, one a line (EC2 User Guide,
// "Instance metadata categories").
Result<std::vector<Ipv4Address>> fetch_private_addresses(const MacAddress& mac);

}  // namespace enid::instances
