#include "card/stages/destination_check.h"

namespace enid::card {

StageResult destination_check(Walk& walk) {
  if (walk.to->owns(walk.packet.destination())) return StageResult::kPass;
  if (!walk.to->program.source_dest_check) {
    if (walk.traced) walk.detail = "source/destination check is off";
    return StageResult::kPass;
  }
  return walk.drop(DropReason::kDestinationNotOfInterface);
}

}  // namespace enid::card
