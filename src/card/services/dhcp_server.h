// The DHCP server of a subnet: tells each interface the address that it has already.
//
// Theory of operation
//   Nothing is leased: an interface's primary private address is its own for life, so the
//   server keeps no state and any number of clients may ask at any time. A client that wants
//   another address is refused and starts over.
//
// Documented: RFC 2131 section 4.3; VPC User Guide, "DHCP option sets in Amazon VPC" (default
// set: domain-name, AmazonProvidedDNS). Observed: leases of EC2 instances carry the subnet's
// router as server identifier, 3,600 s, MTU 9001, broadcast address and the host name.
#pragma once

#include "card/services/service_frames.h"
#include "card/services/service_interface.h"
#include "card/services/service_packet.h"
#include "card/services/service_verdict.h"

namespace enid::card {

// `packet` must be UDP to the DHCP server's port.
ServiceVerdict answer_dhcp(const ServiceInterface& from, const ServicePacket& packet, ServiceFrames& out);

}  // namespace enid::card
