#include <algorithm>

#include "srd/connection_state.h"

namespace enid::srd {
namespace {

constexpr Duration kFirstRetry = Duration::from_milliseconds(1);
constexpr std::uint32_t kRetryDoublingsMax = 8;
constexpr std::uint32_t kConfirmAttempts = 4;  // Then the peer may have forgotten its cookie's key.
constexpr Duration kBetweenResets = Duration::from_milliseconds(1);

}  // namespace

void Connection::State::begin_handshake(Instant now) {
  setup_attempts = 0;
  setup_began = now;
  setup_due = true;
  setup_retry_at = now + kFirstRetry;
  Transmission ignored;
  handshake.write_init(now, ignored.datagram);  // Enters the phase; poll_transmit() writes it anew.
}

void Connection::State::on_handshake_timeout(Instant now) {
  if (now - setup_began >= settings.message_lifetime) {
    handshake.close();
    setup_due = false;
    setup_retry_at = Instant::never();
    tell_state(Event::Kind::kPeerUnresponsive);
    while (!queue.empty()) {
      tell(Event::Kind::kNeverSent, queue.front().message.token);
      queue.pop();
    }
    return;
  }
  ++setup_attempts;
  if (handshake.phase() == Handshake::Phase::kConfirmSent && setup_attempts >= kConfirmAttempts) {
    const Instant began = setup_began;
    handshake.close();
    begin_handshake(now);
    setup_began = began;
    return;
  }
  setup_due = true;
  setup_retry_at = now + kFirstRetry * (std::int64_t{1} << std::min(setup_attempts, kRetryDoublingsMax));
}

Reception Connection::State::on_setup(Instant now, const wire::SrdDatagram& datagram) {
  const auto* setup = std::get_if<wire::SrdSetup>(&datagram.body);
  DropReason reason = DropReason::kImpossible;
  if (setup != nullptr) {
    reason =
        handshake.has_good_tag(datagram) ? take_setup(now, datagram.header, *setup) : DropReason::kBadTag;
  }
  if (reason == DropReason::kNone) return {.arrival = Arrival::kConsumed};
  return {.arrival = Arrival::kDropped, .drop_reason = reason};
}

DropReason Connection::State::take_setup(Instant now, const wire::SrdHeader& header,
                                         const wire::SrdSetup& setup) {
  const std::uint64_t known_incarnation = handshake.session().peer_incarnation;
  DropReason reason = DropReason::kNone;
  switch (header.type) {
    case wire::SrdType::kInit: {
      wire::SrdDatagram answer;
      reason = handshake.answer_init(now, setup, answer);
      if (reason == DropReason::kNone) setup_reply = answer;
      return reason;
    }
    case wire::SrdType::kInitAck:
      reason = handshake.take_init_ack(header, setup);
      if (reason != DropReason::kNone) return reason;
      setup_attempts = 0;
      setup_due = true;
      setup_retry_at = now + kFirstRetry;
      break;
    case wire::SrdType::kConfirm: {
      const bool was_established = handshake.phase() == Handshake::Phase::kEstablished;
      reason = handshake.take_confirm(now, header, setup);
      if (reason == DropReason::kReplayed) acknowledgements.request();
      if (reason != DropReason::kNone) return reason;
      if (was_established) end_session(true);
      begin_session(now);
      acknowledgements.request();
      break;
    }
    case wire::SrdType::kReset:
      reason = handshake.judge_reset(setup);
      if (reason != DropReason::kNone) return reason;
      ++counters.resets_received;
      end_session(true);
      handshake.close();
      if (!queue.empty()) begin_handshake(now);
      break;
    case wire::SrdType::kClose:
      reason = handshake.judge_close(header, setup);
      if (reason != DropReason::kNone) return reason;
      end_session(true);
      handshake.close();
      tell_state(Event::Kind::kClosed);
      if (!queue.empty()) begin_handshake(now);
      return reason;
    default:
      return DropReason::kImpossible;
  }
  if (known_incarnation != 0 && setup.incarnation != known_incarnation) {
    ++counters.peer_reboots;
    tell_state(Event::Kind::kPeerRebooted);
  }
  return DropReason::kNone;
}

void Connection::State::begin_session(Instant now) {
  const Session& session = handshake.session();
  setup_due = false;
  setup_retry_at = Instant::never();
  flights = FlightTable(session.first_psn_sent, settings.flight_messages);
  received = ReceiveWindow(session.first_psn_received, settings.receive_window);
  acknowledgements = AcknowledgementWriter(settings);
  refusals = RefusalList();
  burst_end.reset();
  ack_seen = false;
  peer_window_end = session.first_psn_sent + ReceiveWindow::kFirstBits - 64;
  loss.start_over();
  timeouts = 0;
  judge_at = Instant::never();
  probe_at = Instant::never();
  heard_at = progress_at = active_at = now;
  told_unresponsive = false;
  rings_released = false;
  ++counters.handshakes;
  tell_state(Event::Kind::kEstablished);
}

// What was sent may have arrived or not; what waits was not sent and may be sent in another session.
void Connection::State::end_session(bool keep_queue) {
  const auto give_up = [&](Flight& flight) {
    if (!flight.ended) {
      tell(Event::Kind::kUnknown, flight.token);
      ++counters.messages_unknown;
    }
    flights.remove(flight);
  };
  while (Flight* flight = flights.oldest_in_flight()) give_up(*flight);
  while (Flight* flight = flights.first_lost()) give_up(*flight);
  while (!keep_queue && !queue.empty()) {
    tell(Event::Kind::kNeverSent, queue.front().message.token);
    queue.pop();
  }
  judge_at = Instant::never();
  probe_at = Instant::never();
}

void Connection::State::answer_stale(Instant now, const wire::SrdHeader& header) {
  if (now < reset_allowed_at || setup_reply) {
    ++counters.resets_withheld;
    return;
  }
  reset_allowed_at = now + kBetweenResets;
  wire::SrdDatagram answer;
  handshake.write_reset(now, header, answer);
  setup_reply = answer;
  ++counters.resets_sent;
}

}  // namespace enid::srd
