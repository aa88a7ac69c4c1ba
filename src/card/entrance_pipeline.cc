// What a packet from another host walks before the ingress pipeline: it has come through the egress pipeline
// of its sender's card.
#include <array>

#include "card/pipelines.h"
#include "card/stages/enter.h"

namespace enid::card {

std::span<const Stage> entrance_pipeline() {
  static constexpr std::array kStages{Stage{"enter", enter}};
  return kStages;
}

}  // namespace enid::card
