// What a packet walks in place of the ingress pipeline when its receiver is on another host: the rest is for
// the card there.
#include <array>

#include "card/pipelines.h"
#include "card/stages/carry.h"

namespace enid::card {

std::span<const Stage> carrier_pipeline() {
  static constexpr std::array kStages{Stage{"carry", carry}};
  return kStages;
}

}  // namespace enid::card
