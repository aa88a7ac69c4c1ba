// CardLink: how the control plane speaks to a card. In one process it is a message to the
// card's thread (host/card_worker); between machines it is a stream (cluster/remote_host.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/result.h"
#include "contract/card_program.h"
#include "contract/card_report.h"

namespace enid::control {

struct TraceRequest {
  NetworkInterfaceId from;
  Ipv4Address source;  // Zero: the interface's primary address.
  Ipv4Address target;
  std::uint8_t protocol = 6;
  std::uint16_t source_port = 0;  // Zero: an ephemeral port is chosen.
  std::uint16_t target_port = 0;
  std::uint16_t payload_bytes = 0;
  // Instead of all above: a packet of which another host's card said that it goes on to this one.
  std::optional<contract::OnwardTrace> entering = {};
};

class CardLink {
 public:
  virtual ~CardLink() = default;

  // `applied` is called once, on any thread, when every packet from then on is decided by the delta.
  virtual void apply(contract::CardDelta delta, std::function<void()> applied) = 0;
  virtual void replace(contract::CardSnapshot snapshot, std::function<void()> applied) = 0;
  virtual void report(std::function<void(contract::CardReport)> done) = 0;
  virtual void trace(TraceRequest request, std::function<void(Result<contract::TraceReport>)> done) = 0;
};

}  // namespace enid::control
