// ExpressLinks: frames by SRD between this card and its peers.
//
// Theory of operation
//   Each host with a pair key is a peer, with a link: SRD to its card (srd::Carrier has all of them), the
//   order of the flows that go there, and the reorder buffer of those that come. The card asks send() for
//   frames whose flow is eligible. What send() does not take goes by plain ENA, unless the flow's order
//   forbids to change now and SRD has no room: then the packet is lost, as at any full queue, and TCP slows
//   down. A super-frame is cut into its packets on the way into SRD's memory, which is the only copy.
//
//   Frames that arrive are frames as Geneve carries them, from the Ethernet header on. They come out of
//   on_datagram() and on_timeout() in the list of arrivals, in each flow's order, and walk like those that
//   came in Geneve. A frame of a card that is no longer where its interface is goes on by Geneve; SRD
//   never carries a frame that was sent on.
//
//   SRD restores what the network loses in a round trip or two. So a frame that is missing is waited for as
//   long as that may take with TCP, which would send it again; UDP waits for differences between paths only.
//
// Invariants
//   (1) Memory: SRD's pool, ReorderMemory and 150 KB for a link that has carried something.
//   (2) What a peer sends cannot do more than have frames of its own refused, lost or out of order.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "card/card.h"
#include "card/express/eligibility.h"
#include "card/express/flow_order.h"
#include "card/express/reorder_buffer.h"
#include "card/packet.h"
#include "card/ports/frame_port.h"
#include "srd/carrier.h"

namespace enid::card {

class Tables;

// Why a peer's message is not taken; the peer's carrier learns the number.
enum class ExpressRefusal : std::uint8_t { kTaken, kMalformed, kUnknownVpc };

// A frame that came by SRD. The bytes are valid until the next underlay.receive() and recycle().
struct ExpressArrival {
  Ipv4Address sender;
  std::uint32_t vni = 0;
  Bytes frame;
};

struct ExpressLinkCounters {
  std::uint64_t malformed = 0;    // Messages that are no frames.
  std::uint64_t unknown_vpc = 0;  // Messages with the number of no VPC.
  std::array<std::uint64_t, kExpressFallbackCount> fallbacks{};
  ReorderCounters reorder;  // Of links that there are.
};

struct ExpressLink {
  Ipv4Address address;
  srd::PeerHandle peer = srd::kNoPeer;
  FlowOrder order;
  ReorderBuffer reorder;
  // From SRD's measurements, now and then.
  Instant measured_at = {};
  Duration round_trip = kRoundTripAtFirst;
  Duration hold_tcp = kHoldTcpMin;
  Duration hold_other = kHoldOtherMin;

  // Chosen, until measured: a round trip between two hosts' sockets without queues.
  static constexpr Duration kRoundTripAtFirst = Duration::from_microseconds(200);
  // Chosen: SRD needs two or three round trips for a frame that was lost twice, and those are the sender's,
  // through its own queues; docs/fidelity/ena-express.md.
  static constexpr Duration kHoldTcpMin = Duration::from_milliseconds(100);
  // What came before the first may have been for an earlier boot of this card, and then never comes.
  static constexpr Duration kHoldTcpAtFirst = Duration::from_milliseconds(10);
  static constexpr Duration kHoldTcpMax = Duration::from_milliseconds(200);  // Linux's shortest timeout.
  static constexpr Duration kHoldOtherMin = Duration::from_microseconds(100);
  static constexpr Duration kHoldOtherMax = Duration::from_milliseconds(5);

  ExpressLink(ReorderMemory& memory, const ReorderLimits& limits) : reorder(memory, limits) {}
};

class ExpressLinks final : srd::CarrierReceiver {
 public:
  struct Sending {
    Frame& frame;                 // Its checksum may be made, and its notes then say so.
    std::uint16_t mtu_bytes = 0;  // IP bytes of its longest packet.
    bool is_tcp = false;
    std::uint64_t flow_hash = 0;
    std::uint32_t vni = 0;
  };
  struct Sent {
    std::uint16_t taken = 0;  // Packets.
    ExpressFallback fallback = ExpressFallback::kNone;
    bool must_drop = false;  // What was not taken must not go by plain ENA now.
  };

  // Both must outlive it.
  ExpressLinks(const ExpressOptions& options, fabric::Underlay& underlay, Tables& tables);

  // Links as there are hosts with keys in the tables, which must not lose a host without this.
  void sync_hosts(Instant now);
  void set_underlay_mtu(Ipv4Address host, std::uint32_t bytes);

  // `link` may be null: then there is none.
  Sent send(Instant now, ExpressLink* link, const Sending& what);
  // The same question for a trace, without consequences.
  ExpressFallback would_fall_back(const ExpressLink* link, std::uint16_t mtu_bytes) const;

  void on_datagram(Instant now, const fabric::ArrivedDatagram& datagram);
  Instant next_timeout() const;
  void on_timeout(Instant now);
  // Nothing is sent afterwards.
  void close(Instant now);
  // What has come out, in order; the owner clears it.
  std::vector<ExpressArrival>& arrivals() { return arrivals_; }
  // When the arrivals have been carried.
  void recycle();

  // `link` may be null.
  bool is_established(const ExpressLink* link) const {
    return link != nullptr && carrier_.is_established(link->peer);
  }
  // ena_srd_resource_utilization.
  std::uint32_t utilization_percent() const;
  ExpressLinkCounters counters() const;
  const srd::Carrier& carrier() const { return carrier_; }

 private:
  std::uint8_t on_message(Instant now, srd::PeerHandle peer, const srd::MessageFacts& facts,
                          Bytes payload) override;
  ExpressLink* link_of(srd::PeerHandle peer);
  void measure(Instant now, ExpressLink& link);
  bool srd_is_empty(const ExpressLink& link) const;
  ExpressFallback send_packets(Instant now, ExpressLink& link, const Sending& what, std::uint16_t tag,
                               std::uint16_t& taken);
  static Duration hold_of(const ExpressLink& link, std::uint16_t tag, ConstBytes frame);
  void take_passed(ExpressLink& link);

  ExpressOptions options_;
  Tables& tables_;
  ReorderMemory memory_;
  srd::Carrier carrier_;
  std::unordered_map<std::uint32_t, std::unique_ptr<ExpressLink>> links_;  // By address.
  std::vector<ExpressLink*> links_by_place_;                               // By the place in a peer's handle.
  std::vector<ExpressArrival> arrivals_;
  std::vector<ReorderBuffer::Passed> passed_;
  std::vector<ExpressLink*> passed_links_;      // Whose buffers have something to recycle.
  Instant reorder_timeout_ = Instant::never();  // Of all buffers, or earlier.
  ExpressLinkCounters counters_;
};

}  // namespace enid::card
