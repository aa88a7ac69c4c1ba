#include <algorithm>
#include <bit>

#include "srd/connection_state.h"
#include "srd/datagram_tag.h"

namespace enid::srd {
namespace {

// A round trip that no network makes: one of the clocks was set.
constexpr Duration kImpossibleRoundTrip = Duration::from_seconds(1);

Reception dropped(DropReason reason) { return {.arrival = Arrival::kDropped, .drop_reason = reason}; }

}  // namespace

Reception Connection::State::on_datagram(Instant now, const wire::SrdDatagram& datagram,
                                         bool congestion_experienced) {
  const wire::SrdHeader& header = datagram.header;
  if (header.type >= wire::SrdType::kInit) return on_setup(now, datagram);
  const Session& session = handshake.session();
  const Handshake::Phase phase = handshake.phase();
  if (phase != Handshake::Phase::kEstablished && phase != Handshake::Phase::kConfirmSent) {
    answer_stale(now, header);
    return dropped(DropReason::kNotEstablished);
  }
  if (header.context != handshake.local_context() || header.epoch != session.local_epoch) {
    answer_stale(now, header);
    return dropped(DropReason::kUnknownContext);
  }
  if (settings.authenticate && ((header.flags & wire::SrdFlags::kTagged) == 0 ||
                                header.tag != datagram_tag(session.tag_key, datagram))) {
    return dropped(DropReason::kBadTag);
  }
  heard_at = now;
  told_unresponsive = false;
  if (phase == Handshake::Phase::kConfirmSent) {
    handshake.confirmed();
    begin_session(now);
  }
  if (header.type == wire::SrdType::kAcknowledgement) {
    const auto* ack = std::get_if<wire::SrdAcknowledgement>(&datagram.body);
    if (ack == nullptr) return dropped(DropReason::kImpossible);
    const DropReason reason = on_acknowledgement(now, header, *ack);
    return reason == DropReason::kNone ? Reception{.arrival = Arrival::kConsumed} : dropped(reason);
  }
  if (header.slot >= PathSet::kSlotsMax) return dropped(DropReason::kImpossible);
  return on_data(now, header, congestion_experienced);
}

Reception Connection::State::on_data(Instant now, const wire::SrdHeader& header,
                                     bool congestion_experienced) {
  active_at = now;
  rings_released = false;
  counters.marked_received += congestion_experienced;
  if (header.type == wire::SrdType::kProbe) {
    acknowledgements.on_arrival(now, header, congestion_experienced, false);
    return {.arrival = Arrival::kConsumed};
  }
  const bool is_void = (header.flags & wire::SrdFlags::kVoid) != 0;
  if (!refusals.empty()) {
    if (is_void) refusals.remove(header.psn);
    if (refusals.contains(header.psn)) {
      acknowledgements.on_arrival(now, header, congestion_experienced, true);
      ++counters.duplicates_received;
      return {.arrival = Arrival::kDuplicate, .psn = header.psn};
    }
  }
  const ReceiveWindow::Insertion insertion = received.insert(header.psn);
  if (insertion == ReceiveWindow::Insertion::kBeyond) return dropped(DropReason::kBeyondWindow);
  const bool duplicate = insertion == ReceiveWindow::Insertion::kDuplicate;
  acknowledgements.on_arrival(now, header, congestion_experienced, duplicate);
  // The end of a burst came, perhaps before its middle: when the last hole is filled, the sender waits for
  // it.
  if (header.flags & wire::SrdFlags::kEndOfBurst) burst_end = header.psn;
  if (burst_end && psn_before(*burst_end, received.next())) {
    burst_end.reset();
    acknowledgements.request();
  }
  if (duplicate) {
    ++counters.duplicates_received;
    return {.arrival = Arrival::kDuplicate, .psn = header.psn};
  }
  if (is_void) return {.arrival = Arrival::kConsumed};
  ++counters.data_received;
  counters.data_bytes_received += header.payload_bytes;
  return {.arrival = Arrival::kDeliver, .psn = header.psn};
}

bool Connection::State::is_possible(const wire::SrdAcknowledgement& ack) const {
  if (psn_before(flights.end(), ack.cumulative) || ack.selective_base % 64 != 0) return false;
  for (std::uint32_t i = 0; i < ack.selective.size(); ++i) {
    const std::uint32_t block = ack.selective_base + 64 * i;
    const std::uint64_t never_sent = ~bits_within(block, block, flights.end());
    if ((ack.selective[i] & never_sent) != 0) return false;
  }
  return true;
}

DropReason Connection::State::on_acknowledgement(Instant now, const wire::SrdHeader& header,
                                                 const wire::SrdAcknowledgement& ack) {
  if (!is_possible(ack)) return DropReason::kImpossible;
  ++counters.acknowledgements_received;
  active_at = now;
  const std::uint32_t window_end = ack.cumulative + ack.window;
  if (psn_before(peer_window_end, window_end)) peer_window_end = window_end;

  std::uint64_t acked = 0;
  for (std::uint32_t block = block_of(flights.begin()); psn_before(block, ack.cumulative); block += 64) {
    acked += acknowledge_bits(now, block, bits_within(block, block, ack.cumulative));
  }
  for (std::uint32_t i = 0; i < ack.selective.size(); ++i) {
    if (ack.selective[i] != 0) acked += acknowledge_bits(now, ack.selective_base + 64 * i, ack.selective[i]);
  }
  if (acked != 0) {
    progress_at = now;
    timeouts = 0;
  }
  if (header.flags & wire::SrdFlags::kDrop) take_refusal(ack);
  // One that was overtaken or replayed is as true as ever in what has arrived, but measures nothing.
  if (!ack_seen || psn_before(newest_ack_sent_at, header.sent_at)) {
    ack_seen = true;
    newest_ack_sent_at = header.sent_at;
    take_measurements(now, ack, acked);
  } else {
    congestion.on_late_acknowledgement(acked);
  }
  detect_losses(now);
  return DropReason::kNone;
}

std::uint64_t Connection::State::acknowledge_bits(Instant now, std::uint32_t block, std::uint64_t bits) {
  std::uint64_t acked = 0;
  for (std::uint64_t rest = bits & flights.outstanding_in(block); rest != 0; rest &= rest - 1) {
    Flight& flight = flights.at(block + static_cast<std::uint32_t>(std::countr_zero(rest)));
    acked += flight.weight();
    acknowledge(now, flight);
  }
  return acked;
}

void Connection::State::acknowledge(Instant now, Flight& flight) {
  // Sooner than any round trip: it is an earlier transmission that arrived.
  const bool too_soon = flight.transmissions > 1 && now - flight.sent_at < congestion.least_rtt();
  if (too_soon || flight.state == Flight::State::kLost) {
    ++counters.spurious_retransmissions;
  } else {
    paths.on_acknowledged(now, flight.slot, flight.path_sequence, flight.sent_at);
    loss.on_acknowledged(flight.sent_at);
  }
  if (!flight.ended) tell(Event::Kind::kDelivered, flight.token);
  flights.remove(flight);
}

void Connection::State::take_refusal(const wire::SrdAcknowledgement& ack) {
  if (!flights.is_outstanding(ack.drop_psn)) return;
  Flight& flight = flights.at(ack.drop_psn);
  if (flight.ended) return;
  tell(Event::Kind::kRefused, flight.token, ack.drop_reason);
  ++counters.messages_refused;
  // The peer still misses this PSN: a header without payload fills the place.
  flight.ended = true;
  flights.drop_payload(flight);
  if (flight.state == Flight::State::kInFlight) flights.mark_lost(flight);
}

void Connection::State::take_measurements(Instant now, const wire::SrdAcknowledgement& ack,
                                          std::uint64_t acked_bytes) {
  constexpr std::int64_t kUnit = wire::SrdHeader::kTimeUnitNanoseconds;
  peer_share = ack.share * wire::SrdAcknowledgement::kShareUnit;
  congestion.set_share(now, peer_share);
  if (ack.arrivals == 0) return;
  const std::uint32_t units = wire_time(now) - ack.echo_sent_at - ack.hold;
  const Duration rtt{static_cast<std::int64_t>(units) * kUnit};
  Duration queue_delay{ack.queue_delay * kUnit};
  if (rtt < kImpossibleRoundTrip && ack.echo_slot < paths.size()) {
    congestion.on_rtt(now, rtt);
    paths.on_rtt(ack.echo_slot, rtt);
    if (!paths[ack.echo_slot].alive && paths.on_probe_answered(ack.echo_slot)) ++counters.slots_revived;
    // The field holds no more than a millisecond: then the newest datagram's whole way says how much.
    if (ack.queue_delay == 0xffff) queue_delay = std::max(queue_delay, rtt - congestion.least_rtt());
    // The way there cannot queue for much longer than there and back do, unless a clock was set.
    const Duration both_ways = congestion.smoothed_rtt() - congestion.least_rtt();
    if (queue_delay > both_ways * 4 + settings.target_delay) queue_delay = both_ways;
  }
  paths.on_masks(now, ack.clean_slots, ack.late_slots);
  congestion.on_acknowledgement(now, {.sent_at = now - rtt,
                                      .acked_bytes = acked_bytes,
                                      .queue_delay = queue_delay,
                                      .arrivals = ack.arrivals,
                                      .marked = ack.marked});
}

void Connection::State::detect_losses(Instant now) {
  judge_at = Instant::never();
  if (timeouts != 0) return;  // Then only the retransmission timeout decides.
  for (Flight* flight = flights.oldest_in_flight(); flight != nullptr;) {
    Flight* const next = flights.next(*flight);
    const LossDetection::Verdict verdict = loss.judge(now, *flight, paths[flight->slot], congestion);
    if (verdict.cause == LossDetection::Cause::kNone) {
      judge_at = std::min(judge_at, verdict.judge_again_at);
      if (flight->sent_at >= loss.newest_acked()) break;
    } else {
      lose(now, *flight, verdict.cause);
    }
    flight = next;
  }
}

void Connection::State::lose(Instant now, Flight& flight, LossDetection::Cause cause) {
  switch (cause) {
    case LossDetection::Cause::kGap:
      ++counters.retransmissions_by_gap;
      break;
    case LossDetection::Cause::kTimer:
      ++counters.retransmissions_by_timer;
      break;
    default:
      ++counters.tail_probes;
  }
  const bool path_is_guilty = !congestion.is_congested();
  if (paths.on_loss(flight.slot, path_is_guilty)) {
    ++counters.slots_died;
    probe_interval = congestion.smoothed_rtt();
    probe_at = now;
  }
  congestion.on_loss(now, flight.sent_at);
  flights.mark_lost(flight);
}

}  // namespace enid::srd
