#include "card/express/eligibility.h"

#include <array>

#include "wire/ip_protocol.h"

namespace enid::card {

ExpressEligibility eligibility_of(const ExpressFlow& flow) {
  using enum ExpressEligibility;
  const contract::EnaExpress& from = flow.from.ena_express;
  const contract::EnaExpress& to = flow.to.ena_express;
  if (flow.same_host) return kSameHost;
  if (!from.enabled) return kSenderOff;
  if (!to.enabled) return kReceiverOff;
  if (!from.supported_by_type) return kSenderTypeUnable;
  if (!to.supported_by_type) return kReceiverTypeUnable;
  if (!flow.across_zones && flow.from.availability_zone != flow.to.availability_zone) return kOtherZone;
  if (flow.protocol == wire::ip_protocol::kTcp) return kEligible;
  if (flow.protocol != wire::ip_protocol::kUdp) return kOtherProtocol;
  if (!from.udp_enabled) return kSenderUdpOff;
  if (!to.udp_enabled) return kReceiverUdpOff;
  return kEligible;
}

std::string_view name_of(ExpressFallback fallback) {
  static constexpr std::array kNames{
#define ENID_EXPRESS_NAME(enumerator, name, explanation) std::string_view(name),
      ENID_EXPRESS_FALLBACKS(ENID_EXPRESS_NAME)
#undef ENID_EXPRESS_NAME
  };
  return kNames[static_cast<std::size_t>(fallback)];
}

std::string sentence_of(ExpressEligibility eligibility, const ExpressFlow& flow) {
  const std::string sender = "plain ENA: the sender's interface " + flow.from.id.text();
  const std::string receiver = "plain ENA: the receiver's interface " + flow.to.id.text();
  switch (eligibility) {
    case ExpressEligibility::kEligible:
      return "ENA Express";
    case ExpressEligibility::kSameHost:
      return "neither: the receiver is on the same host";
    case ExpressEligibility::kSenderOff:
      return sender + " has ENA Express off";
    case ExpressEligibility::kReceiverOff:
      return receiver + " has ENA Express off";
    case ExpressEligibility::kSenderTypeUnable:
      return sender + " belongs to an instance whose type does not support ENA Express";
    case ExpressEligibility::kReceiverTypeUnable:
      return receiver + " belongs to an instance whose type does not support ENA Express";
    case ExpressEligibility::kOtherZone:
      return receiver + " is in another Availability Zone (" + flow.to.availability_zone +
             ", the sender in " + flow.from.availability_zone + ")";
    case ExpressEligibility::kOtherProtocol:
      return "plain ENA: ENA Express carries TCP, and UDP if asked to, and nothing else";
    case ExpressEligibility::kSenderUdpOff:
      return sender + " has ENA Express off for UDP";
    case ExpressEligibility::kReceiverUdpOff:
      return receiver + " has ENA Express off for UDP";
  }
  return {};
}

std::string sentence_of(ExpressFallback fallback) {
  static constexpr std::array kExplanations{
#define ENID_EXPRESS_NAME(enumerator, name, explanation) std::string_view(explanation),
      ENID_EXPRESS_FALLBACKS(ENID_EXPRESS_NAME)
#undef ENID_EXPRESS_NAME
  };
  const std::string explanation(kExplanations[static_cast<std::size_t>(fallback)]);
  return fallback == ExpressFallback::kNone ? "ENA Express" : "plain ENA for now: " + explanation;
}

std::uint8_t express_mode(const contract::EnaExpress& express) {
  return static_cast<std::uint8_t>((express.enabled ? 1 : 0) + (express.udp_enabled ? 2 : 0));
}

}  // namespace enid::card
