// ARP, answered by the card for everybody: the segment has no broadcast.
//
// Theory of operation
//   The router, the resolver and the link-local services are all reached through the router's
//   MAC. For another address of the subnet the VPC's directory knows the MAC. An interface that
//   asks for its own address (RFC 5227's probes and announcements) hears nothing, which is what
//   it hopes for. ARP replies of an instance change nothing: nobody learns from ARP here.
//
// Documented: RFC 826; RFC 5227. Documented: re:Invent 2013, CPN401, "A Day in the Life of a
// Billion Packets": ARP is answered by the mapping service on behalf of its owner.
#pragma once

#include "card/ports/frame_port.h"
#include "card/services/service_frames.h"
#include "card/services/service_interface.h"
#include "card/services/service_verdict.h"

namespace enid::card {

// `frame` must be ARP by its EtherType.
ServiceVerdict answer_arp(const ServiceInterface& from, const Frame& frame, ServiceFrames& out);

}  // namespace enid::card
