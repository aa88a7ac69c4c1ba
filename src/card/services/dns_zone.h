// The names that a VPC's resolver knows by itself: the private names of its interfaces and the
// names of its addresses.
//
// Theory of operation
//   ip-10-0-1-5.<private domain> has the address it spells, if that is an interface's primary
//   private address; an address of the VPC has that name. A name of the private domain that is
//   not so spelled does not exist. Everything else is not ours to judge: it is for the host's
//   resolver.
//
// Documented: VPC User Guide, "DNS attributes for your VPC"; RFC 2308 section 3 (absence carries the
// SOA). Observed: TTL of 60 s; the SOA's numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "card/services/service_interface.h"
#include "wire/dns_message.h"

namespace enid::card {

// Empty: not a name of the VPC.
std::optional<std::vector<std::uint8_t>> answer_from_vpc(const ServiceInterface& from,
                                                         const wire::DnsQuery& query, std::size_t bytes_max);

}  // namespace enid::card
