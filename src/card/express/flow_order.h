// FlowOrder: for the flows from one card to another, by which carrier each goes, and its numbers.
//
// Theory of operation
//   A flow is known by a tag, made of its hash; flows with the same tag share numbers and carrier, which
//   costs them a little and harms neither. Numbers begin at 0 when the card begins, and leave 0 out when they
//   wrap, so that a receiver knows a new beginning (reorder_buffer.h).
//
//   The two carriers know nothing of each other's order. So a flow changes from one to the other only when
//   what it sent last cannot be on its way any more: when it is older than a round trip, or when all that
//   went by SRD has been acknowledged. A flow that never pauses waits for its change no longer than
//   kPatience: TCP bears one disorder better than the wrong carrier for hours.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "card/express/reorder_buffer.h"
#include "flow/zeroed_array.h"

namespace enid::card {

enum class CarrierKind : std::uint8_t { kGeneve, kSrd };

class FlowOrder {
 public:
  // Chosen: longer than the round trips of any underlay, shorter than people wait.
  static constexpr Duration kPatience = Duration::from_milliseconds(200);

  static std::uint16_t tag_of(std::uint64_t flow_hash) {
    return static_cast<std::uint16_t>((flow_hash >> 40) % kFlowTags);
  }

  // Whether the flow's next frame may go by this carrier. `round_trip` is how long a frame may be on its way;
  // `srd_is_empty`: nothing that went by SRD is without its acknowledgement.
  bool may_use(CarrierKind carrier, std::uint16_t tag, Instant now, Duration round_trip, bool srd_is_empty) {
    Flow& flow = flows_[tag];
    if (flow.carrier == carrier || flow.last_sent.nanoseconds == 0) return true;
    if (now - flow.last_sent > round_trip) return true;
    if (flow.carrier == CarrierKind::kSrd && srd_is_empty) return true;
    if (flow.waits_since.nanoseconds == 0) flow.waits_since = now;
    return now - flow.waits_since > kPatience;
  }

  void note_sent(CarrierKind carrier, std::uint16_t tag, Instant now) {
    Flow& flow = flows_[tag];
    if (flow.carrier != carrier) flow.waits_since = {};
    flow.carrier = carrier;
    flow.last_sent = now;
  }

  // The number of the flow's next frame by SRD; advance() when it was taken.
  std::uint32_t next_sequence(std::uint16_t tag) const { return flows_[tag].sequence; }
  void advance(std::uint16_t tag) {
    std::uint32_t& sequence = flows_[tag].sequence;
    if (++sequence == 0) sequence = 1;
  }

 private:
  struct Flow {
    Instant last_sent;
    Instant waits_since;  // For a change of carrier; zero: it does not.
    std::uint32_t sequence;
    CarrierKind carrier;
  };
  flow::ZeroedArray<Flow> flows_{kFlowTags};
};

}  // namespace enid::card
