// DropReason: why a packet went no further. Counted per interface, told by captures and traces.
//
//   The names are what people read in `enid status`, traces and captures, so they stay stable.
//   A reason is counted against the sender by the egress pipeline, against the receiver by the
//   ingress pipeline.
#pragma once

#include <cstdint>
#include <string_view>

namespace enid::card {

// X(enumerator, name, explanation)
#define ENID_DROP_REASONS(X)                                                                               \
  X(kNone, "none", "not dropped")                                                                          \
  X(kNotProgrammed, "not_programmed", "the control plane has not described this interface to the card")    \
  X(kNotAttached, "not_attached", "the interface is not attached to a running instance")                   \
  X(kMalformed, "malformed", "a header is cut short or contradicts itself")                                \
  X(kMalformedOffload, "malformed_offload", "the offload notes do not fit the frame")                      \
  X(kVlanTagged, "vlan_tagged", "a VPC carries no VLAN tags")                                              \
  X(kUnknownEtherType, "unknown_ether_type", "neither IPv4, IPv6 nor ARP")                                 \
  X(kSourceMacNotOfInterface, "source_mac_not_of_interface", "the source MAC is not the interface's own")  \
  X(kFirstFragmentUnknown, "first_fragment_unknown",                                                       \
    "a later fragment came without its datagram's first one")                                              \
  X(kMulticast, "multicast", "a VPC carries no multicast or broadcast")                                    \
  X(kIpv6NotAssigned, "ipv6_not_assigned", "the interface has no IPv6 address")                            \
  X(kServiceRateExceeded, "service_rate_exceeded",                                                         \
    "more than 1,024 packets per second to link-local services")                                           \
  X(kServiceMalformed, "service_malformed", "a link-local service could not read the packet")              \
  X(kServiceNobodyThere, "service_nobody_there", "no link-local service answers at this address and port") \
  X(kServiceDisabled, "service_disabled", "the link-local service is turned off by an attribute")          \
  X(kServiceForeignSource, "service_foreign_source",                                                       \
    "asked a link-local service with an address that is not the interface's own")                          \
  X(kSourceNotOfInterface, "source_not_of_interface",                                                      \
    "source check: the source is no address of the interface")                                             \
  X(kNoEgressRule, "no_egress_rule", "no security group rule of the sender lets it out")                   \
  X(kNoRoute, "no_route", "no route to the destination")                                                   \
  X(kNoInterfaceAtDestination, "no_interface_at_destination", "no interface has the destination address")  \
  X(kTimeToLiveExceeded, "time_to_live_exceeded", "the time to live ran out at the router")                \
  X(kMtuExceeded, "mtu_exceeded", "longer than the path's MTU")                                            \
  X(kDestinationNotOfInterface, "destination_not_of_interface",                                            \
    "destination check: the destination is no address of the receiver")                                    \
  X(kNoIngressRule, "no_ingress_rule", "no security group rule of the receiver lets it in")                \
  X(kConnectionTableFull, "connection_table_full", "no room to track another connection")                  \
  X(kPortFull, "port_full", "the receiving instance does not read its frames fast enough")                 \
  X(kHostUnknown, "host_unknown", "the receiver's host is not known to this card, or has no underlay")     \
  X(kSingleFlowLimit, "single_flow_limit", "a single flow is faster than EC2 lets one be")                 \
  X(kSrdFull, "srd_full",                                                                                  \
    "ENA Express takes no more of this flow now, and it may not change to plain ENA yet")                  \
  X(kUnderlayFull, "underlay_full", "the network between hosts takes no more frames now")                  \
  X(kNotHere, "not_here", "another host sent it here, and here it is not, even after one correction")

enum class DropReason : std::uint8_t {
#define ENID_DROP_REASON_NAME(enumerator, name, explanation) enumerator,
  ENID_DROP_REASONS(ENID_DROP_REASON_NAME)
#undef ENID_DROP_REASON_NAME
      kCount,
};
constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::kCount);

std::string_view name_of(DropReason reason);         // "no_route"
std::string_view explanation_of(DropReason reason);  // One line, for people.

}  // namespace enid::card
