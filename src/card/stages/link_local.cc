#include "card/stages/link_local.h"

#include "card/services/service_addresses.h"

namespace enid::card {
namespace {

// Whose a traced packet would be, without asking.
StageResult trace_link_local(Walk& walk, const ServiceInterface& view) {
  const Ipv4Address destination = walk.packet.destination();
  if (kLinkLocalAddresses.contains(destination) || destination == view.resolver_address() ||
      destination == view.router_address()) {
    walk.detail = destination.text() + " is the card's own";
    return StageResult::kConsumed;
  }
  return StageResult::kPass;
}

}  // namespace

StageResult link_local(Walk& walk) {
  const ServiceInterface view = walk.card.tables.service_view(*walk.from, kRouterMac);
  if (walk.traced) return trace_link_local(walk, view);
  switch (walk.card.services.on_frame(walk.now, walk.wall, view, walk.frame, walk.card.card_frames)) {
    case ServiceVerdict::kNotForService:
      // A VPC has no broadcast: an ARP packet that nobody takes has nowhere to go.
      return walk.packet.kind == PacketKind::kArp ? StageResult::kConsumed : StageResult::kPass;
    case ServiceVerdict::kServed:
      return StageResult::kConsumed;
    case ServiceVerdict::kRateExceeded:
      return walk.drop(DropReason::kServiceRateExceeded);
    case ServiceVerdict::kMalformed:
      return walk.drop(DropReason::kServiceMalformed);
    case ServiceVerdict::kNobodyThere:
      return walk.drop(DropReason::kServiceNobodyThere);
    case ServiceVerdict::kServiceDisabled:
      return walk.drop(DropReason::kServiceDisabled);
    case ServiceVerdict::kForeignSource:
      return walk.drop(DropReason::kServiceForeignSource);
  }
  return StageResult::kPass;
}

}  // namespace enid::card
