// What a Connection consists of. Only connection*.cc include this.
//
//   connection.cc            the public functions, timers, idling
//   connection_transmit.cc   what goes out next
//   connection_receive.cc    datagrams of the peer: payloads, acknowledgements, losses
//   connection_setup.cc      setup datagrams, ends of sessions
#pragma once

#include <optional>

#include "srd/acknowledgement.h"
#include "srd/congestion_control.h"
#include "srd/connection.h"
#include "srd/flight_table.h"
#include "srd/growing_ring.h"
#include "srd/handshake.h"
#include "srd/loss_detection.h"
#include "srd/path_set.h"
#include "srd/receive_window.h"

namespace enid::srd {

struct Waiting {  // A message that was not sent yet.
  Message message;
  Instant since{};
};

struct Connection::State {
  State(const Settings& settings, std::uint64_t seed);

  // connection_transmit.cc
  bool poll_transmit(Instant now, Transmission& out);
  bool write_setup_reply(Instant now, Transmission& out);
  void write_acknowledgement(Instant now, Transmission& out);
  bool write_probe(Instant now, Transmission& out);
  bool write_data(Instant now, Transmission& out);
  bool may_send_data(Instant now);
  Flight* take_flight(Instant now);
  std::uint32_t path_run() const;
  bool goes_on_run(Instant now, std::uint8_t avoid);
  void write_flight(Instant now, Flight& flight, Transmission& out);
  void fill_header(Instant now, wire::SrdType type, std::uint8_t slot, Transmission& out);
  void seal(Transmission& out) const;

  // connection_receive.cc
  Reception on_datagram(Instant now, const wire::SrdDatagram& datagram, bool congestion_experienced);
  Reception on_data(Instant now, const wire::SrdHeader& header, bool congestion_experienced);
  DropReason on_acknowledgement(Instant now, const wire::SrdHeader& header,
                                const wire::SrdAcknowledgement& ack);
  bool is_possible(const wire::SrdAcknowledgement& ack) const;
  std::uint64_t acknowledge_bits(Instant now, std::uint32_t block, std::uint64_t bits);
  void acknowledge(Instant now, Flight& flight);
  void take_measurements(Instant now, const wire::SrdAcknowledgement& ack, std::uint64_t acked_bytes);
  void take_refusal(const wire::SrdAcknowledgement& ack);
  void detect_losses(Instant now);
  void lose(Instant now, Flight& flight, LossDetection::Cause cause);

  // connection_setup.cc
  Reception on_setup(Instant now, const wire::SrdDatagram& datagram);
  DropReason take_setup(Instant now, const wire::SrdHeader& header, const wire::SrdSetup& setup);
  void begin_handshake(Instant now);
  void begin_session(Instant now);
  void end_session(bool keep_queue);
  void answer_stale(Instant now, const wire::SrdHeader& header);
  void on_handshake_timeout(Instant now);

  // connection.cc
  SendResult send(Instant now, const Message& message);
  Instant next_timeout() const;
  void on_timeout(Instant now);
  void on_retransmission_timeout(Instant now);
  void expire_messages(Instant now);
  void on_idle_timeout(Instant now);
  bool poll_event(Event& out);
  void tell(Event::Kind kind, std::uint64_t token, std::uint8_t reason = 0);
  void tell_state(Event::Kind kind) { state_events |= 1U << static_cast<unsigned>(kind); }
  bool is_idle() const { return queue.empty() && flights.empty(); }
  // A clock that goes back stands still instead.
  Instant forward(Instant now) { return latest = std::max(latest, now); }

  Settings settings;
  Random random;
  Counters counters;
  Handshake handshake;
  PathSet paths;
  CongestionControl congestion;
  LossDetection loss;
  FlightTable flights;
  ReceiveWindow received;
  AcknowledgementWriter acknowledgements;
  RefusalList refusals;

  std::optional<std::uint32_t> burst_end;  // Has arrived, and something before it has not.
  GrowingRing<Waiting> queue;
  GrowingRing<Event> events;
  std::uint32_t state_events = 0;  // Bits of Event::Kind.
  bool queue_was_full = false;

  std::optional<wire::SrdDatagram> setup_reply;  // Bound: one; the latest wins.
  bool setup_due = false;                        // INIT or CONFIRM.
  std::uint32_t setup_attempts = 0;
  Instant setup_began{};
  Instant setup_retry_at = Instant::never();
  Instant reset_allowed_at{};

  Instant latest{};     // Of all `now`.
  Instant send_at{};    // Pacing: the next datum not before.
  Instant run_began{};  // Of datagrams that take one path together; see Settings::path_run.
  std::uint32_t run_left = 0;
  std::uint8_t run_slot = 0;
  Instant judge_at = Instant::never();  // Loss detection looks again.
  Instant progress_at{};                // Something new was acknowledged, or sending began.
  Instant heard_at{};                   // Any authentic datagram of the peer.
  Instant active_at{};                  // Anything was sent or received but setup.
  std::uint32_t timeouts = 0;           // Retransmission timeouts since something was acknowledged.
  std::uint32_t peer_window_end = 0;    // PSNs before this the peer can remember.
  std::uint64_t peer_share = 0;
  std::uint32_t newest_ack_sent_at = 0;  // The peer's clock. Older acknowledgements measure nothing.
  bool ack_seen = false;
  std::uint64_t receive_share = 0;

  Instant probe_at = Instant::never();
  Duration probe_interval{};
  bool told_unresponsive = false;
  bool rings_released = true;
};

}  // namespace enid::srd
