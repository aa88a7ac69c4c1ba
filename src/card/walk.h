// Walk: one packet on its way through the stages, and what the stages say to each other.
//
// Theory of operation
//   A stage is a function that looks at the packet and either lets it pass, drops it with a
//   reason, or consumes it. What it decided for the whole flow goes into `decision`. The order of
//   stages is a list (pipelines.h); no stage knows its neighbours.
//
//   A traced walk runs the same stages with `traced` set: they then say in `detail` what decided,
//   and leave no state.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "card/drop_reason.h"
#include "card/flow_decision.h"
#include "card/packet.h"
#include "card/ports/frame_port.h"
#include "card/services/link_local_services.h"
#include "card/tables/tables.h"
#include "flow/connection_table.h"

namespace enid::card {

// Source of every frame that the card itself sends, and of those that crossed the router.
// Chosen: locally administered, and outside what control assigns to interfaces.
constexpr MacAddress kRouterMac{{0x02, 0x65, 0x6e, 0x69, 0x64, 0x01}};

enum class StageResult : std::uint8_t { kPass, kDrop, kConsumed };

// What stages may use besides the packet.
class ExpressLinks;

struct CardState {
  Tables& tables;
  flow::ConnectionTable& connections;
  LinkLocalServices& services;
  ServiceFrames& card_frames;  // Frames that the card itself sends.
  // SRD between hosts; null: there is none.
  ExpressLinks* express = nullptr;
  bool express_across_zones = false;  // See ExpressOptions.
};

struct Walk {
  CardState& card;
  Instant now;
  WallTime wall;
  Interface* from;          // Never null.
  Interface* to = nullptr;  // Set by the route stage.
  const Frame& frame;
  Packet packet;
  FlowDecision decision{};
  DropReason reason = DropReason::kNone;
  bool is_forwarded = false;  // Came by way of a host that the receiver had left.
  bool traced = false;
  // Filled only when traced.
  std::string detail{};
  bool by_srd = false;  // SRD would carry it now.
  std::string carrier_reason{};

  StageResult drop(DropReason why) {
    reason = why;
    return StageResult::kDrop;
  }
};

}  // namespace enid::card
