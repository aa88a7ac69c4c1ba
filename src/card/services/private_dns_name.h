// Private DNS names of addresses: ip-10-0-1-5.ec2.internal, and 5.1.0.10.in-addr.arpa back.
//
// Documented: EC2 User Guide, "Amazon EC2 instance hostname types", IP name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace enid::card {

std::string private_dns_label(Ipv4Address address);                         // "ip-10-0-1-5"
std::optional<Ipv4Address> parse_private_dns_label(std::string_view text);  // Only what the above makes.
// The address of a whole name below in-addr.arpa, in lower case.
std::optional<Ipv4Address> parse_reverse_dns_name(std::string_view name);

}  // namespace enid::card
