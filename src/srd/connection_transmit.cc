#include <algorithm>

#include "srd/connection_state.h"
#include "srd/datagram_tag.h"

namespace enid::srd {
namespace {

// A recycled slot is good for so many round trips.
constexpr std::int64_t kRecycledRoundTrips = 2;

}  // namespace

void Connection::State::fill_header(Instant now, wire::SrdType type, std::uint8_t slot, Transmission& out) {
  const Session& session = handshake.session();
  wire::SrdHeader& header = out.datagram.header;
  header = {};
  header.type = type;
  header.epoch = session.peer_epoch;
  header.context = session.peer_context;
  header.slot = slot;
  header.sent_at = wire_time(now);
  out.source_port = paths[slot].port;
  out.ecn_capable = false;
  out.has_payload = false;
  out.token = 0;
}

void Connection::State::seal(Transmission& out) const {
  if (!settings.authenticate) return;
  out.datagram.header.flags |= wire::SrdFlags::kTagged;
  out.datagram.header.tag = datagram_tag(handshake.session().tag_key, out.datagram);
}

bool Connection::State::poll_transmit(Instant now, Transmission& out) {
  if (write_setup_reply(now, out)) return true;
  if (handshake.phase() != Handshake::Phase::kEstablished) return false;
  if (acknowledgements.due_at() <= now) {
    write_acknowledgement(now, out);
    return true;
  }
  return write_probe(now, out) || write_data(now, out);
}

bool Connection::State::write_setup_reply(Instant now, Transmission& out) {
  if (setup_reply) {
    out.datagram = *setup_reply;
    setup_reply.reset();
  } else if (setup_due) {
    setup_due = false;
    if (handshake.phase() == Handshake::Phase::kConfirmSent) {
      handshake.write_confirm(out.datagram);
    } else {
      handshake.write_init(now, out.datagram);
    }
  } else {
    return false;
  }
  out.source_port = paths[paths.select_for_acknowledgement()].port;
  out.ecn_capable = false;
  out.has_payload = false;
  out.token = 0;
  return true;
}

void Connection::State::write_acknowledgement(Instant now, Transmission& out) {
  fill_header(now, wire::SrdType::kAcknowledgement, paths.select_for_acknowledgement(), out);
  wire::SrdAcknowledgement& body = out.datagram.body.emplace<wire::SrdAcknowledgement>();
  out.datagram.header.flags = acknowledgements.write(now, received, refusals, receive_share, body);

  ++counters.acknowledgements_sent;
  seal(out);
}

bool Connection::State::write_probe(Instant now, Transmission& out) {
  if (now < probe_at) return false;
  const std::uint8_t slot = paths.next_dead();
  if (slot == PathSet::kNoSlot || timeouts != 0) {
    probe_at = Instant::never();
    return false;
  }
  // The dead take turns, each the more often the fewer there are.
  const std::int64_t dead = paths.size() - paths.alive();
  probe_at = now + Duration{std::max<std::int64_t>(probe_interval.nanoseconds / dead, 1000)};
  probe_interval = std::min(probe_interval + Duration{probe_interval.nanoseconds / dead},
                            Duration::from_milliseconds(100));
  fill_header(now, wire::SrdType::kProbe, slot, out);
  out.datagram.header.flags = wire::SrdFlags::kAcknowledgeNow;
  out.datagram.header.path_sequence = paths[slot].next_sequence++;
  out.datagram.body = std::monostate{};
  ++counters.probes_sent;
  seal(out);
  return true;
}

bool Connection::State::may_send_data(Instant now) {
  if (flights.lost() == 0 && queue.empty()) return false;
  const std::uint64_t in_flight = flights.in_flight_bytes();
  if (in_flight != 0 && in_flight >= congestion.window()) {
    congestion.on_window_full();
    return false;
  }
  return send_at <= now;
}

Flight* Connection::State::take_flight(Instant now) {
  if (Flight* lost = flights.first_lost()) return lost;
  if (!psn_before(flights.end(), peer_window_end) || !flights.has_room()) {
    ++counters.waits_for_flight;
    return nullptr;
  }
  const Message& message = queue.front().message;
  const bool was_empty = flights.empty();
  Flight& flight = flights.add(now, static_cast<std::uint16_t>(message.bytes));
  flight.token = message.token;
  flight.flow_sequence = message.flow_sequence;
  flight.vni = message.vni;
  flight.flow_tag = message.flow_tag;
  flight.ordered = message.ordered;
  queue.pop();
  if (queue_was_full && queue.size() * 2 <= settings.queue_messages) {
    queue_was_full = false;
    tell_state(Event::Kind::kWindowOpened);
  }
  if (was_empty) progress_at = now;
  ++counters.data_sent;
  counters.data_bytes_sent += flight.payload_bytes;
  return &flight;
}

bool Connection::State::write_data(Instant now, Transmission& out) {
  if (!may_send_data(now)) return false;
  Flight* flight = take_flight(now);
  if (flight == nullptr) return false;
  if (flight->state == Flight::State::kLost) {
    flights.sent_again(now, *flight);
    ++counters.retransmissions;
  }
  write_flight(now, *flight, out);
  return true;
}

// A train of datagrams that takes long on a slow path would make those of other paths wait for it.
std::uint32_t Connection::State::path_run() const {
  if (settings.path_run == 1 || congestion.delivery_rate() == 0) return settings.path_run;  // Not known yet.
  const std::uint64_t carried = congestion.delivery_rate() / 8'000'000 *
                                static_cast<std::uint64_t>(settings.path_run_time.nanoseconds) / 1000;
  const std::uint64_t datagrams = carried / settings.payload_bytes_max;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(datagrams, 1, settings.path_run));
}

// Whether the next datagram takes the path of the one before. `run_slot` is to be chosen anew otherwise.
bool Connection::State::goes_on_run(Instant now, std::uint8_t avoid) {
  const bool goes_on = run_left != 0 && now == run_began && run_slot != avoid && paths[run_slot].alive;
  run_left = (goes_on ? run_left : path_run()) - 1;
  run_began = now;
  return goes_on;
}

void Connection::State::write_flight(Instant now, Flight& flight, Transmission& out) {
  const bool again = flight.transmissions > 1;
  const Duration lifetime = std::max(congestion.least_rtt() * kRecycledRoundTrips, settings.recycled_time);
  const std::uint8_t avoid = again ? flight.slot : PathSet::kNoSlot;
  flight.slot = goes_on_run(now, avoid) ? run_slot : paths.select(now, lifetime, avoid);
  run_slot = flight.slot;
  flight.path_sequence = paths[flight.slot].next_sequence++;

  fill_header(now, wire::SrdType::kData, flight.slot, out);
  wire::SrdHeader& header = out.datagram.header;
  header.psn = flight.psn;
  header.path_sequence = flight.path_sequence;
  header.flow_tag = flight.flow_tag;
  header.flow_sequence = flight.flow_sequence;
  header.vni = flight.vni;
  header.payload_bytes = flight.payload_bytes;
  out.datagram.body = std::monostate{};
  out.ecn_capable = settings.ecn;
  out.has_payload = !flight.ended;
  out.token = flight.token;

  using Flags = wire::SrdFlags;
  const bool last = flights.lost() == 0 && queue.empty();
  const bool window_is_full = flights.in_flight_bytes() >= congestion.window();
  const bool small_window = congestion.window() < 2 * settings.acknowledge_bytes;
  header.flags =
      static_cast<std::uint8_t>((again ? Flags::kRetransmission : 0) | (flight.ended ? Flags::kVoid : 0) |
                                (flight.ordered ? Flags::kOrdered : 0) | (last ? Flags::kEndOfBurst : 0) |
                                (window_is_full && small_window ? Flags::kAcknowledgeNow : 0));
  seal(out);

  congestion.on_sent(flight.weight());
  const Duration burst = congestion.time_to_send(settings.payload_bytes_max) * settings.burst_datagrams;
  send_at = std::max(send_at, now - burst) + congestion.time_to_send(flight.weight());
  active_at = now;
  judge_at = std::min(judge_at, now + congestion.smoothed_rtt());
}

}  // namespace enid::srd
