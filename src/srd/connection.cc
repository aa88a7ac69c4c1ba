#include "srd/connection.h"

#include <algorithm>
#include <utility>

#include "srd/connection_state.h"

namespace enid::srd {

Connection::State::State(const Settings& given, std::uint64_t seed)
    : settings(given),
      random(seed),
      handshake(settings, random),
      paths(settings.paths, Random(random.next()), settings.path_ports),
      congestion(settings),
      loss(settings),
      flights(0, settings.flight_messages),
      received(0, settings.receive_window),
      acknowledgements(settings),
      queue(settings.queue_messages),
      events(settings.queue_messages + settings.flight_messages) {}

SendResult Connection::State::send(Instant now, const Message& message) {
  if (message.bytes > settings.payload_bytes_max || message.bytes > 0xffff) return SendResult::kTooLong;
  // Each accepted message will have one event, and there must be room for it.
  const std::uint32_t under_way = queue.size() + flights.outstanding() + events.size();
  if (under_way >= settings.queue_messages + settings.flight_messages || !queue.push({message, now})) {
    ++counters.sends_refused_full;
    queue_was_full = true;
    return SendResult::kQueueFull;
  }
  rings_released = false;
  if (handshake.phase() == Handshake::Phase::kClosed) begin_handshake(now);
  if (queue.size() == 1 && flights.empty()) {
    if (now - active_at > congestion.smoothed_rtt() * 4) congestion.on_restart(now);
    progress_at = now;
  }
  return SendResult::kAccepted;
}

Instant Connection::State::next_timeout() const {
  if (setup_reply || setup_due) return latest;
  if (handshake.phase() != Handshake::Phase::kEstablished) return setup_retry_at;
  Instant next = std::min(acknowledgements.due_at(), probe_at);
  if (!flights.empty() || !queue.empty()) {
    next = std::min(next, progress_at + loss.retransmission_timeout(congestion, timeouts));
    if (timeouts == 0) next = std::min(next, judge_at);
  }
  if (flights.lost() != 0 || !queue.empty()) {
    const bool window_is_open =
        flights.in_flight_bytes() == 0 || flights.in_flight_bytes() < congestion.window();
    const bool has_room = flights.lost() != 0 || (psn_before(flights.end(), peer_window_end) &&
                                                  flights.end() - flights.begin() < settings.flight_messages);
    if (window_is_open && has_room) next = std::min(next, send_at);
  } else if (flights.empty()) {
    next = std::min(next, active_at + (rings_released ? settings.idle_close : settings.idle_release));
  }
  return next;
}

void Connection::State::on_timeout(Instant now) {
  if (handshake.phase() != Handshake::Phase::kEstablished) {
    if (now >= setup_retry_at) on_handshake_timeout(now);
    return;
  }
  if (is_idle()) {
    on_idle_timeout(now);
    return;
  }
  if (now >= progress_at + loss.retransmission_timeout(congestion, timeouts)) {
    on_retransmission_timeout(now);
  } else if (now >= judge_at) {
    detect_losses(now);
  }
}

void Connection::State::on_retransmission_timeout(Instant now) {
  progress_at = now;
  if (flights.empty()) return;
  ++timeouts;
  ++counters.retransmission_timeouts;
  while (Flight* flight = flights.oldest_in_flight()) {
    paths.on_timeout(flight->slot);
    flights.mark_lost(*flight);
  }
  congestion.on_timeout(now);
  paths.begin_round();
  expire_messages(now);
}

// The peer is silent: what has waited for too long is told about. Its PSNs are still to be filled.
void Connection::State::expire_messages(Instant now) {
  if (now - heard_at < settings.message_lifetime) return;
  if (!std::exchange(told_unresponsive, true)) tell_state(Event::Kind::kPeerUnresponsive);
  for (Flight* flight = flights.first_lost(); flight != nullptr; flight = flights.next(*flight)) {
    if (flight->ended || now - flight->first_sent_at < settings.message_lifetime) continue;
    tell(Event::Kind::kUnknown, flight->token);
    ++counters.messages_unknown;
    flight->ended = true;
    flights.drop_payload(*flight);
  }
  while (!queue.empty() && now - queue.front().since >= settings.message_lifetime) {
    tell(Event::Kind::kNeverSent, queue.front().message.token);
    queue.pop();
  }
}

void Connection::State::on_idle_timeout(Instant now) {
  if (!rings_released && now >= active_at + settings.idle_release) {
    rings_released = true;
    flights.release();
    received.release();
    if (queue.empty()) queue.release();
    if (events.empty()) events.release();
  } else if (now >= active_at + settings.idle_close) {
    wire::SrdDatagram goodbye;
    handshake.write_close(now, goodbye);
    setup_reply = goodbye;
    handshake.close();
    tell_state(Event::Kind::kClosed);
  }
}

void Connection::State::tell(Event::Kind kind, std::uint64_t token, std::uint8_t reason) {
  events.push({.kind = kind, .refuse_reason = reason, .token = token});
}

bool Connection::State::poll_event(Event& out) {
  if (state_events != 0) {
    const auto kind = static_cast<unsigned>(std::countr_zero(state_events));
    state_events &= state_events - 1;
    out = {.kind = static_cast<Event::Kind>(kind)};
    return true;
  }
  if (events.empty()) return false;
  out = events.front();
  events.pop();
  return true;
}

Connection::Connection(const Settings& settings, std::uint64_t seed)
    : state_(std::make_unique<State>(settings, seed)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

SendResult Connection::send(Instant now, const Message& message) {
  return state_->send(state_->forward(now), message);
}

bool Connection::poll_transmit(Instant now, Transmission& out) {
  return state_->poll_transmit(state_->forward(now), out);
}

Reception Connection::on_datagram(Instant now, const wire::SrdDatagram& datagram,
                                  bool congestion_experienced) {
  const Reception reception = state_->on_datagram(state_->forward(now), datagram, congestion_experienced);
  if (reception.arrival == Arrival::kDropped)
    ++state_->counters.dropped[static_cast<std::size_t>(reception.drop_reason)];
  return reception;
}

void Connection::refuse(Instant, std::uint32_t psn, std::uint8_t reason) {
  state_->received.remove(psn);
  state_->acknowledgements.request();
  if (!state_->refusals.add(psn, reason)) ++state_->counters.refusals_forgotten;
}

Instant Connection::next_timeout() const { return state_->next_timeout(); }
void Connection::on_timeout(Instant now) { state_->on_timeout(state_->forward(now)); }
bool Connection::poll_event(Event& out) { return state_->poll_event(out); }

void Connection::connect(Instant now) {
  if (state_->handshake.phase() == Handshake::Phase::kClosed) state_->begin_handshake(state_->forward(now));
}

void Connection::close(Instant now) {
  if (state_->handshake.phase() == Handshake::Phase::kEstablished) {
    wire::SrdDatagram goodbye;
    state_->handshake.write_close(state_->forward(now), goodbye);
    state_->setup_reply = goodbye;
  }
  state_->end_session(false);
  state_->handshake.close();
  state_->setup_due = false;
  state_->setup_retry_at = Instant::never();
  state_->tell_state(Event::Kind::kClosed);
}

void Connection::set_receive_share(std::uint64_t bits_per_second) { state_->receive_share = bits_per_second; }

bool Connection::is_established() const {
  return state_->handshake.phase() == Handshake::Phase::kEstablished;
}
bool Connection::is_idle() const { return state_->is_idle(); }
std::uint32_t Connection::local_context() const { return state_->handshake.local_context(); }

std::uint32_t Connection::queue_space() const {
  return state_->settings.queue_messages - state_->queue.size();
}

std::size_t Connection::bytes() const {
  const State& s = *state_;
  return sizeof(*this) + sizeof(State) + s.flights.bytes() + s.received.bytes() + s.queue.bytes() +
         s.events.bytes();
}

const Counters& Connection::counters() const {
  state_->counters.window_cuts = state_->congestion.cuts();
  return state_->counters;
}

Measurements Connection::measurements() const {
  const State& s = *state_;
  return {.window_bytes = s.congestion.window(),
          .in_flight_bytes = s.flights.in_flight_bytes(),
          .pacing_bits_per_second = s.congestion.rate(),
          .least_rtt = s.congestion.least_rtt(),
          .smoothed_rtt = s.congestion.smoothed_rtt(),
          .median_queue_delay = s.congestion.median_queue_delay(),
          .slots_alive = s.paths.alive()};
}

}  // namespace enid::srd
