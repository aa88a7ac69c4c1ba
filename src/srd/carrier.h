// Carrier: all SRD connections of one card, over an underlay.
//
// Theory of operation
//   The owner names the cards it may speak to, each with the key of the pair, and hands over messages of at
//   most one datagram each. Their bytes are copied into a pool of bounded size, where they stay until their
//   end is known; a Connection for each card decides when they leave and by which path. In a card's round:
//
//     on_datagram()    what arrived on Channel::kSrd; messages in it go to the receiver at once
//     send()           frames of instances
//     on_timeout()     when next_timeout() has come
//     transmit()       once, at the end: all that may leave now, in batches that make UDP GSO work
//
//   A datagram finds its connection by the context it bears, whose low bits are a place in a table; setup
//   datagrams by their sender's address. What neither finds, what another host than that context's sent, and
//   what its connection does not accept is dropped and counted.
//
//   A connection is made by the first message to a card or by the other's INIT. While it is being set up,
//   send() refuses: the message goes by plain encapsulation meanwhile.
//
// Invariants
//   (1) Memory of messages never exceeds CarrierOptions::pool_bytes.
//   (2) A message that was taken has exactly one end: delivered, refused, unknown, or never sent.
//   (3) After remove_peer() its handle finds nothing, also when its place is used again.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/time.h"
#include "fabric/underlay.h"
#include "srd/counters.h"
#include "srd/settings.h"

namespace enid::srd {

struct CarrierOptions {
  // See host_settings.h. Each connection's incarnation, pair key and context are the carrier's to say.
  Settings settings;
  std::uint64_t incarnation = 0;  // Random and never zero; drawn once at each boot of the card.
  std::uint64_t seed = 0;         // Random: contexts, epochs and cookies come from it.
  std::size_t pool_bytes = 64U << 20;
  std::uint32_t peers_max = 4096;  // At most 65,536.
};

// Names a peer within its carrier; never zero.
using PeerHandle = std::uint32_t;
constexpr PeerHandle kNoPeer = 0;

// What SRD carries for those above, without looking at it.
struct MessageFacts {
  std::uint32_t vni = 0;  // 24 bits.
  std::uint16_t flow_tag = 0;
  std::uint32_t flow_sequence = 0;
  bool ordered = false;  // The receiver restores the flow's order.
};

enum class CarrierSend : std::uint8_t {
  kTaken,
  kNotEstablished,  // No such peer, or its connection is being set up; this call may have begun that.
  kFull,            // The connection's queue: the peer or the way to it is slower.
  kTooLong,         // For a message, or for the way to this peer.
  kNoMemory,        // The pool is used up.
};

// Takes messages that arrived.
class CarrierReceiver {
 public:
  virtual ~CarrierReceiver() = default;
  // `payload` is what the sender gave as header and payload, one after the other; valid during the call, and
  // the receiver may change it. Zero: taken. Anything else: refused, and the sender's carrier learns the
  // reason.
  virtual std::uint8_t on_message(Instant now, PeerHandle peer, const MessageFacts& facts, Bytes payload) = 0;
};

// A message whose end was not "delivered".
struct EndedMessage {
  enum class Kind : std::uint8_t { kRefused, kUnknown, kNeverSent };
  PeerHandle peer = kNoPeer;
  Kind kind = Kind::kUnknown;
  std::uint8_t refuse_reason = 0;
  std::uint32_t vni = 0;
  std::uint16_t flow_tag = 0;
  std::uint32_t flow_sequence = 0;
};

struct PeerCounters {
  std::uint64_t messages_taken = 0;
  std::uint64_t messages_delivered = 0;  // To the peer, which said so.
  std::uint64_t messages_refused = 0;    // By the peer's receiver.
  std::uint64_t messages_unknown = 0;
  std::uint64_t messages_never_sent = 0;
  std::uint64_t messages_received = 0;  // And taken by this card's receiver.
  std::uint64_t messages_declined = 0;  // Received, and not taken.
};

struct CarrierCounters {
  PeerCounters messages;  // Of all peers, also of those that were removed.
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagrams_received = 0;
  std::uint64_t refused_not_established = 0;
  std::uint64_t refused_full = 0;
  std::uint64_t refused_too_long = 0;
  std::uint64_t refused_no_memory = 0;
  std::uint64_t dropped_malformed = 0;
  std::uint64_t dropped_stranger = 0;  // From an address that is no peer's.
  // A peer's, with a context of another or of none: forged, or from before this card's reboot. Its connection
  // judges it all the same, so it is in `dropped`, too.
  std::uint64_t misdirected = 0;
  std::uint64_t underlay_full = 0;                    // The underlay took less than was offered.
  std::uint64_t ends_forgotten = 0;                   // Bound: kEndsMax that nobody fetched.
  std::array<std::uint64_t, kDropReasons> dropped{};  // By connections.
};

// What connections did about losses, or what looked like them; see Counters. Of those that there are.
struct RepairCounters {
  std::uint64_t retransmissions_by_gap = 0;
  std::uint64_t retransmissions_by_timer = 0;
  std::uint64_t tail_probes = 0;
  std::uint64_t retransmission_timeouts = 0;
  std::uint64_t spurious_retransmissions = 0;
  std::uint64_t slots_died = 0;
};

class Carrier {
 public:
  // Of one message, header and payload: a packet of 8900 bytes, its frame, and what else the header holds. On
  // an underlay of 9001 bytes there is room for it and SRD's 40, UDP's 8 and IP's 20.
  static constexpr std::uint32_t kMessageBytesMax = 8'928;
  static constexpr std::size_t kEndsMax = 1024;

  // The underlay must outlive it.
  Carrier(const CarrierOptions& options, fabric::Underlay& underlay);
  ~Carrier();
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  // A peer, new or known. With another key than before its connection begins anew, and what was under way
  // ends as unknown. kNoPeer: there are peers_max already.
  PeerHandle set_peer(Instant now, Ipv4Address address, const PairKey& key);
  void remove_peer(Instant now, Ipv4Address address);
  // The longest IP packet on the way there. Unknown: long enough for every message.
  void set_peer_mtu(PeerHandle peer, std::uint32_t bytes);
  PeerHandle peer_at(Ipv4Address address) const;

  // The bytes of both are copied.
  CarrierSend send(Instant now, PeerHandle peer, const MessageFacts& facts, ConstBytes header,
                   ConstBytes payload);
  // Of Channel::kSrd.
  void on_datagram(Instant now, const fabric::ArrivedDatagram& datagram, CarrierReceiver& receiver);
  // Answers how many datagrams left.
  std::size_t transmit(Instant now);

  // Also now or earlier, when transmit() has something to do.
  Instant next_timeout() const;
  void on_timeout(Instant now);
  // What did not end as delivered, oldest first.
  std::optional<EndedMessage> poll_ended();

  // Whether send() takes messages for it now, apart from memory.
  bool is_established(PeerHandle peer) const;
  // Begins the handshake without a message.
  void connect(Instant now, PeerHandle peer);
  // Sends goodbyes; call transmit() once more afterwards.
  void close(Instant now);

  // Hundredths of the memory for messages, or of the peers, whichever is scarcer:
  // ena_srd_resource_utilization.
  std::uint32_t utilization_percent() const;
  std::size_t bytes() const;  // Of everything.
  const CarrierCounters& counters() const;
  RepairCounters repairs() const;
  // Empty for a handle that finds nothing.
  PeerCounters peer_counters(PeerHandle peer) const;
  std::optional<Counters> connection_counters(PeerHandle peer) const;
  std::optional<Measurements> measurements(PeerHandle peer) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::srd
