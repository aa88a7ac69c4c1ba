// DropReason: why a packet went no further. Counted per interface, told by captures and traces.
//
//   The names are what people read in `enid status`, traces and captures, so they stay stable.
//   A reason is counted against the sender by the egress pipeline, against the receiver by the
//   ingress pipeline.
#pragma once

#include <cstdint>
#include <string_view>

namespace enid::card {

// X(name, explanation)
#define ENID_DROP_REASONS(X)                                                                             \
  X(kNone, "not dropped")                                                                                \
  X(kNotProgrammed, "the control plane has not described this interface to the card")                    \
  X(kNotAttached, "the interface is not attached to a running instance")                                 \
  X(kMalformed, "a header is cut short or contradicts itself")                                           \
  X(kMalformedOffload, "the offload notes do not fit the frame")                                         \
  X(kVlanTagged, "a VPC carries no VLAN tags")                                                           \
  X(kUnknownEtherType, "neither IPv4, IPv6 nor ARP")                                                     \
  X(kSourceMacNotOfInterface, "the source MAC is not the interface's own")                               \
  X(kFirstFragmentUnknown, "a later fragment came without its datagram's first one")                     \
  X(kMulticast, "a VPC carries no multicast or broadcast")                                               \
  X(kIpv6NotAssigned, "the interface has no IPv6 address")                                               \
  X(kServiceRateExceeded, "more than 1,024 packets per second to link-local services")                   \
  X(kServiceMalformed, "a link-local service could not read the packet")                                 \
  X(kServiceNobodyThere, "no link-local service answers at this address and port")                       \
  X(kServiceDisabled, "the link-local service is turned off by an attribute")                            \
  X(kServiceForeignSource, "asked a link-local service with an address that is not the interface's own") \
  X(kSourceNotOfInterface, "source check: the source is no address of the interface")                    \
  X(kNoEgressRule, "no security group rule of the sender lets it out")                                   \
  X(kNoRoute, "no route to the destination")                                                             \
  X(kNoInterfaceAtDestination, "no interface has the destination address")                               \
  X(kTimeToLiveExceeded, "the time to live ran out at the router")                                       \
  X(kMtuExceeded, "longer than the path's MTU")                                                          \
  X(kDestinationNotOfInterface, "destination check: the destination is no address of the receiver")      \
  X(kNoIngressRule, "no security group rule of the receiver lets it in")                                 \
  X(kConnectionTableFull, "no room to track another connection")                                         \
  X(kPortFull, "the receiving instance does not read its frames fast enough")

enum class DropReason : std::uint8_t {
#define ENID_DROP_REASON_NAME(name, explanation) name,
  ENID_DROP_REASONS(ENID_DROP_REASON_NAME)
#undef ENID_DROP_REASON_NAME
      kCount,
};
constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::kCount);

std::string_view name_of(DropReason reason);         // "kNoRoute"
std::string_view explanation_of(DropReason reason);  // One line, for people.

}  // namespace enid::card
