// What a packet walks at its receiver, after the sender's egress pipeline found it.
#include <array>

#include "card/pipelines.h"
#include "card/stages/deliver.h"
#include "card/stages/destination_check.h"
#include "card/stages/security_group.h"

namespace enid::card {

std::span<const Stage> ingress_pipeline() {
  static constexpr std::array kStages{
      Stage{"destination_check", destination_check}, Stage{"security_group_ingress", security_group_ingress},
      Stage{"deliver", deliver},  // Composes the decision; the card hands the frame to the port.
  };
  return kStages;
}

}  // namespace enid::card
