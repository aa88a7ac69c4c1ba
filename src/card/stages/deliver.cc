#include "card/stages/deliver.h"

#include "card/stages/compose.h"

namespace enid::card {

StageResult deliver(Walk& walk) {
  const Interface& to = *walk.to;
  if (!to.attached() || to.port == nullptr) {
    if (walk.traced) walk.detail = to.id.text() + " is not attached";
    return walk.drop(DropReason::kNotAttached);
  }
  const StageResult composed = compose(walk);
  if (composed == StageResult::kPass && walk.traced)
    walk.detail = to.id.text() + " " +
                  (to.program.instance ? to.program.instance->text() : "of a user's own device") +
                  (walk.decision.decrement_time_to_live ? ", through the router" : ", same subnet");
  return composed;
}

}  // namespace enid::card
