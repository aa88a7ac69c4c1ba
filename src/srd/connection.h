// Connection: SRD between two cards, both directions, as one object without clock and socket.
//
// Theory of operation
//   The owner hands over messages of at most one datagram each. The connection says when which datagram
//   goes out by which path, takes in what the peer sent, and tells what became of every message. Payload
//   bytes never come here: a message is a token, and a Transmission names the token whose payload the
//   owner puts behind the header. The same object runs in the simulator (src/sim) and over sockets.
//
//     send()            a message in; refused when the queue is full
//     poll_transmit()   the next datagram that may go out now, until it answers false
//     on_datagram()     a datagram of the peer; says whether its payload is to be delivered
//     next_timeout()    when the owner must call on_timeout() at the latest
//     poll_event()      what became of messages, in any order; exactly one kDelivered, kRefused, kUnknown
//                       or kNeverSent for each message that send() accepted
//
//   After any of send(), on_datagram(), on_timeout() the owner polls for transmissions and events.
//
//   Messages are delivered at most once and in any order. kDelivered is certain; kUnknown means that the
//   message may have arrived or not (the peer rebooted, or was silent for Settings::message_lifetime).
//
//   Before the handshake is through (see is_established()), messages wait in the queue; the first send()
//   starts it. The owner lets traffic go by plain encapsulation meanwhile.
//
// Invariants
//   (1) No PSN is delivered twice within an epoch, and nothing of an older epoch is delivered at all.
//   (2) bytes() is bounded by Settings; an idle connection has no ring.
//   (3) While a message is under way and the connection lives, next_timeout() is not never().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/random.h"
#include "base/time.h"
#include "srd/counters.h"
#include "srd/settings.h"
#include "wire/srd_header.h"

namespace enid::srd {

struct Message {
  std::uint64_t token = 0;  // The owner's name for the payload. Unique among messages under way.
  std::uint32_t bytes = 0;  // Of the payload.
  std::uint16_t flow_tag = 0;
  std::uint32_t flow_sequence = 0;
  std::uint32_t vni = 0;
  bool ordered = false;  // Opaque to SRD: the receiver's reorder buffer looks at it.
};

enum class SendResult : std::uint8_t {
  kAccepted,
  kQueueFull,  // Wait for Event::kWindowOpened.
  kTooLong,    // Never fits; goes by plain encapsulation.
};

struct Transmission {
  wire::SrdDatagram datagram;     // datagram.write() makes its bytes.
  std::uint16_t source_port = 0;  // UDP's: selects the path.
  bool ecn_capable = false;       // ECT(0) in the IP header.
  bool has_payload = false;       // Then `token` says whose, datagram.header.payload_bytes how long.
  std::uint64_t token = 0;
};

enum class Arrival : std::uint8_t {
  kDeliver,    // The payload goes to its destination, now; or refuse() is called with its PSN.
  kConsumed,   // No payload (acknowledgement, probe, setup).
  kDuplicate,  // Arrived before: payload dropped, acknowledged again.
  kDropped,    // See DropReason; counted, no answer.
};

// Why a datagram was dropped. Counters::dropped has one counter each.
struct Reception {
  Arrival arrival = Arrival::kDropped;
  DropReason drop_reason = DropReason::kNone;
  std::uint32_t psn = 0;  // With kDeliver.
};

struct Event {
  enum class Kind : std::uint8_t {
    kDelivered,         // The peer's card delivered it.
    kRefused,           // Arrived, and its destination did not take it: refuse_reason of the peer's owner.
    kUnknown,           // Sent, and whether it arrived will never be known.
    kNeverSent,         // Accepted, and the connection ended before it was sent.
    kWindowOpened,      // After kQueueFull: send() accepts again.
    kEstablished,       // The handshake is through.
    kPeerRebooted,      // Another incarnation of the peer; messages that were sent became kUnknown.
    kPeerUnresponsive,  // Nothing heard for Settings::message_lifetime; the connection goes on trying.
    kClosed,            // Idle for Settings::idle_close, or the peer closed. send() connects again.
  };
  Kind kind = Kind::kDelivered;
  std::uint8_t refuse_reason = 0;
  std::uint64_t token = 0;
};

class Connection {
 public:
  // `seed`: of the contexts, ports and exploring. Same seed, same calls, same answers.
  Connection(const Settings& settings, std::uint64_t seed);
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  SendResult send(Instant now, const Message& message);
  bool poll_transmit(Instant now, Transmission& out);
  // `congestion_experienced`: ECN's CE in the IP header it came with.
  Reception on_datagram(Instant now, const wire::SrdDatagram& datagram, bool congestion_experienced);
  // After kDeliver, at once: the destination does not take it (`reason` is for the sender's owner).
  void refuse(Instant now, std::uint32_t psn, std::uint8_t reason);
  Instant next_timeout() const;
  void on_timeout(Instant now);
  bool poll_event(Event& out);

  // Begins the handshake without a message.
  void connect(Instant now);
  // Says goodbye if established. Messages under way become kUnknown or kNeverSent.
  void close(Instant now);

  // What this card can take from this peer in bits a second, when several send; 0: no limit. The peer
  // learns it with the next acknowledgement. See receive_share.h, which computes it.
  void set_receive_share(std::uint64_t bits_per_second);

  bool is_established() const;
  bool is_idle() const;                 // Nothing queued, nothing in flight.
  std::uint32_t local_context() const;  // By which the owner finds this connection.
  std::uint32_t queue_space() const;    // How many messages send() accepts now.
  std::size_t bytes() const;            // Memory of it all.
  const Counters& counters() const;
  Measurements measurements() const;  // Window, rates and delays, for people and tests.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace enid::srd
