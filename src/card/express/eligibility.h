// Eligibility: whether ENA Express may carry a packet, and if not, why not.
//
// Theory of operation
//   Two questions. A flow is eligible by what its two interfaces and its protocol are (eligibility_of): that
//   holds for all its packets and is part of the flow's decision. A packet of an eligible flow may yet go by
//   plain ENA, because of its size or because of what is the case at the moment (ExpressFallback). Nobody is
//   told of either: EC2's fallback is silent. `enid trace` says it, and the counters show it: eligible
//   packets that were not sent by SRD fell back.
//
//   Documented: EC2 User Guide, "Improve network performance with ENA Express on your EC2 instances",
//   sections "How ENA Express works", "Supported instance types" and "Tune performance" (MTU of at most
//   8900). Chosen: one zone, unless a setting says otherwise. EC2 began so; today it takes all zones of a
//   Region, and promises lower latency within a zone only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "contract/card_program.h"

namespace enid::card {

// IP bytes of the longest packet that goes by SRD.
constexpr std::uint16_t kExpressMtu = 8'900;

enum class ExpressEligibility : std::uint8_t {
  kEligible,
  kSameHost,
  kSenderOff,
  kReceiverOff,
  kSenderTypeUnable,
  kReceiverTypeUnable,
  kOtherZone,
  kOtherProtocol,
  kSenderUdpOff,
  kReceiverUdpOff,
};

// Why a packet of an eligible flow goes by plain ENA.
// X(enumerator, name, explanation)
#define ENID_EXPRESS_FALLBACKS(X)                                                                           \
  X(kNone, "none", "by SRD")                                                                                \
  X(kNoCarrier, "no_carrier", "this card, or the way to the receiver's, has no SRD")                        \
  X(kTooLong, "too_long", "the packet is longer than SRD carries: an MTU of at most 8900 bytes is needed")  \
  X(kSettingUp, "setting_up", "SRD to the receiver's host is being set up")                                 \
  X(kFlowOnPlain, "flow_on_plain", "the flow's last packets went by plain ENA and may still be on the way") \
  X(kFull, "full", "the way to the receiver's host takes no more messages now")                             \
  X(kNoMemory, "no_memory", "the card's memory for SRD is used up")

enum class ExpressFallback : std::uint8_t {
#define ENID_EXPRESS_NAME(enumerator, name, explanation) enumerator,
  ENID_EXPRESS_FALLBACKS(ENID_EXPRESS_NAME)
#undef ENID_EXPRESS_NAME
      kCount,
};
constexpr std::size_t kExpressFallbackCount = static_cast<std::size_t>(ExpressFallback::kCount);

struct ExpressFlow {
  const contract::InterfaceProgram& from;
  const contract::InterfaceProgram& to;
  std::uint8_t protocol = 0;
  bool same_host = false;
  bool across_zones = false;  // The setting.
};

ExpressEligibility eligibility_of(const ExpressFlow& flow);

std::string_view name_of(ExpressFallback fallback);
// For people: "plain ENA: the receiver's interface eni-… has ENA Express off".
std::string sentence_of(ExpressEligibility eligibility, const ExpressFlow& flow);
std::string sentence_of(ExpressFallback fallback);

// ena_srd_mode.
std::uint8_t express_mode(const contract::EnaExpress& express);

}  // namespace enid::card
