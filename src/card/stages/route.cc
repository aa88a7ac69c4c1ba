#include "card/stages/route.h"

#include <algorithm>

namespace enid::card {

StageResult route(Walk& walk) {
  Tables& tables = walk.card.tables;
  tables.resolve(*walk.from);
  const Vpc* vpc = walk.from->vpc;
  const Ipv4Address destination = walk.packet.destination();
  if (vpc == nullptr) return walk.drop(DropReason::kNoRoute);
  const auto& blocks = vpc->program.cidr_blocks;
  const auto block = std::ranges::find_if(
      blocks, [&](const Ipv4Prefix& candidate) { return candidate.contains(destination); });
  if (block == blocks.end()) {
    if (walk.traced) walk.detail = destination.text() + " is outside the VPC";
    return walk.drop(DropReason::kNoRoute);
  }
  walk.to = tables.owner_of(*vpc, destination);
  if (walk.traced)
    walk.detail = block->text() + " local" +
                  (walk.to != nullptr ? ", " + walk.to->id.text() : ", nobody has " + destination.text());
  if (walk.to == nullptr) return walk.drop(DropReason::kNoInterfaceAtDestination);
  return StageResult::kPass;
}

}  // namespace enid::card
