// The pipelines: which stages a packet walks, in order. Read egress_pipeline.cc first.
#pragma once

#include <span>
#include <string_view>

#include "card/walk.h"

namespace enid::card {

struct Stage {
  std::string_view name;
  StageResult (*run)(Walk&);
};

std::span<const Stage> egress_pipeline();   // Counts its drops against the sender.
std::span<const Stage> ingress_pipeline();  // Counts its drops against the receiver.
// Between hosts: instead of the ingress pipeline at the sender's card, and before it at the receiver's.
std::span<const Stage> carrier_pipeline();   // Counts its drops against the sender.
std::span<const Stage> entrance_pipeline();  // Counts its drops against the VPC's entrance.

}  // namespace enid::card
