#include <algorithm>
#include <cstring>

#include "srd/carrier_parts.h"

namespace enid::srd {
namespace {

// When the underlay had no room, it is asked again so much later.
constexpr Duration kUntilRoom = Duration::from_microseconds(50);

}  // namespace

std::size_t Carrier::Parts::transmit(Instant now) {
  const std::uint64_t before = counters.datagrams_sent;
  bool has_room = flush();
  while (has_room && !ready.empty()) {
    const std::uint32_t place = ready.front();
    ready.pop_front();
    if (take_turn(now, place)) {
      ready.push_back(place);
      if (departures_count == kBatch) has_room = flush();
    } else {
      peers[place].is_ready = false;
      set_timer(place);
    }
  }
  if (has_room) has_room = flush();
  if (!has_room) retry_at = now + kUntilRoom;
  return static_cast<std::size_t>(counters.datagrams_sent - before);
}

// Whether it may have more to send.
bool Carrier::Parts::take_turn(Instant now, std::uint32_t place) {
  Peer& peer = peers[place];
  if (!peer.connection) return false;
  for (std::size_t i = 0; i < kTurn && departures_count < kBatch; ++i) {
    Transmission transmission;
    if (!peer.connection->poll_transmit(now, transmission)) {
      take_events(place);
      return false;
    }
    add_departure(peer, transmission);
  }
  return true;
}

void Carrier::Parts::add_departure(const Peer& peer, const Transmission& transmission) {
  Departure& departure = departures[departures_count];
  departure.is_cancelled = false;
  departure.slab = transmission.has_payload ? transmission.token : MessagePool::kNoSlab;
  const std::size_t header_bytes = transmission.datagram.bytes();
  Bytes bytes = Bytes(departure.bytes).first(header_bytes);
  if (transmission.has_payload)
    bytes = pool.bytes_of(transmission.token)
                .subspan(SlabHead::kBytes - header_bytes,
                         header_bytes + transmission.datagram.header.payload_bytes);
  transmission.datagram.write(bytes);
  outgoing[departures_count] = {.to = peer.address,
                                .channel = fabric::Channel::kSrd,
                                .path = static_cast<std::uint16_t>(transmission.source_port - kFirstPathPort),
                                .is_ecn_capable = transmission.ecn_capable,
                                .payload = bytes};
  ++departures_count;
}

// False: the underlay has no room now, and some are kept.
bool Carrier::Parts::flush() {
  while (departures_sent < departures_count) {
    if (departures[departures_sent].is_cancelled) {
      ++departures_sent;
      continue;
    }
    std::size_t end = departures_sent + 1;
    while (end < departures_count && !departures[end].is_cancelled) ++end;
    const std::size_t offered = end - departures_sent;
    const std::size_t taken = std::min(underlay.send({outgoing.data() + departures_sent, offered}), offered);
    counters.datagrams_sent += taken;
    departures_sent += taken;
    if (taken < offered) {
      ++counters.underlay_full;
      return false;
    }
  }
  departures_sent = departures_count = 0;
  return true;
}

}  // namespace enid::srd
