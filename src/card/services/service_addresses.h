// The link-local addresses that services have in every VPC.
//
// Documented: EC2 User Guide, "Access instance metadata", "Amazon Time Sync Service"; VPC User
// Guide, "Amazon DNS server".
#pragma once

#include "base/ip_address.h"

namespace enid::card {

constexpr Ipv4Prefix kLinkLocalAddresses{{0xa9fe0000}, 16};
constexpr Ipv4Address kTimeServerAddress{0xa9fea97b};      // 169.254.169.123
constexpr Ipv4Address kResolverLinkAddress{0xa9fea9fd};    // 169.254.169.253
constexpr Ipv4Address kMetadataServerAddress{0xa9fea9fe};  // 169.254.169.254

}  // namespace enid::card
