#include "srd/carrier.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "srd/carrier_parts.h"

namespace enid::srd {
namespace {

// IPv4, UDP, and SRD's header with its tag.
constexpr std::uint32_t kOverhead = 20 + 8 + wire::SrdHeader::kBytes + wire::SrdHeader::kTagBytes;

void append(std::uint8_t*& to, ConstBytes bytes) {
  if (bytes.empty()) return;
  std::memcpy(to, bytes.data(), bytes.size());
  to += bytes.size();
}

}  // namespace

Carrier::Parts::Parts(const CarrierOptions& given, fabric::Underlay& used)
    : options(given),
      underlay(used),
      random(given.seed),
      pool(given.pool_bytes),
      share(given.settings.link_bits_per_second) {
  options.peers_max = std::clamp(options.peers_max, 1U, 65'536U);
  options.settings.incarnation = options.incarnation == 0 ? 1 : options.incarnation;
  options.settings.payload_bytes_max = kMessageBytesMax;
  options.settings.path_ports = fabric::kPaths;
}

Carrier::Parts::Peer* Carrier::Parts::find(PeerHandle handle) {
  const std::uint32_t place = place_of(handle);
  if (place >= peers.size() || handle >> 16 == 0 || peers[place].generation != handle >> 16) return nullptr;
  return &peers[place];
}

Connection& Carrier::Parts::connection_of(std::uint32_t place) {
  Peer& peer = peers[place];
  if (!peer.connection) {
    Settings settings = options.settings;
    settings.pair_key = peer.key;
    // The place finds it; the rest makes a context of an earlier connection at this place another one.
    settings.context = static_cast<std::uint32_t>((1 + random.below(0xffff)) << 16) | place;
    peer.connection = std::make_unique<Connection>(settings, random.next());
    peer.is_unresponsive = false;
  }
  return *peer.connection;
}

// Ends what is under way, and says goodbye if there is room for it.
void Carrier::Parts::let_go(Instant now, std::uint32_t place) {
  Peer& peer = peers[place];
  timers.set(place, Instant::never());
  if (!peer.connection) return;
  peer.connection->close(now);
  take_events(place);
  Transmission goodbye;
  while (departures_count < kBatch && peer.connection->poll_transmit(now, goodbye))
    add_departure(peer, goodbye);
  peer.connection.reset();
}

CarrierSend Carrier::Parts::refuse_unestablished(Instant now, std::uint32_t place) {
  Connection& connection = connection_of(place);
  if (!connection.is_established()) {
    connection.connect(now);
    get_ready(place);
  }
  ++counters.refused_not_established;
  return CarrierSend::kNotEstablished;
}

CarrierSend Carrier::Parts::send(Instant now, PeerHandle handle, const MessageFacts& facts, ConstBytes header,
                                 ConstBytes payload) {
  Peer* const peer = find(handle);
  if (peer == nullptr) {
    ++counters.refused_not_established;
    return CarrierSend::kNotEstablished;
  }
  const std::size_t bytes = header.size() + payload.size();
  if (bytes > peer->message_bytes_max) {
    ++counters.refused_too_long;
    return CarrierSend::kTooLong;
  }
  const std::uint32_t place = place_of(handle);
  if (!peer->connection || !peer->connection->is_established() || peer->is_unresponsive)
    return refuse_unestablished(now, place);
  if (peer->connection->queue_space() == 0) {
    ++counters.refused_full;
    return CarrierSend::kFull;
  }
  const MessagePool::Slab slab = pool.allocate(static_cast<std::uint32_t>(bytes + SlabHead::kBytes));
  if (slab == MessagePool::kNoSlab) {
    ++counters.refused_no_memory;
    return CarrierSend::kNoMemory;
  }
  const SlabHead head{.facts = facts};
  std::uint8_t* to = pool.bytes_of(slab).data();
  std::memcpy(to, &head, sizeof head);
  to += SlabHead::kBytes;
  append(to, header);
  append(to, payload);
  const SendResult result = peer->connection->send(now, {.token = slab,
                                                         .bytes = static_cast<std::uint32_t>(bytes),
                                                         .flow_tag = facts.flow_tag,
                                                         .flow_sequence = facts.flow_sequence,
                                                         .vni = facts.vni & 0xff'ffff,
                                                         .ordered = facts.ordered});
  if (result != SendResult::kAccepted) {
    pool.release(slab);
    ++counters.refused_full;
    return CarrierSend::kFull;
  }
  ++peer->counters.messages_taken;
  ++counters.messages.messages_taken;
  get_ready(place);
  return CarrierSend::kTaken;
}

// The place of the peer that it is for, or peers.size().
std::uint32_t Carrier::Parts::find_connection(const wire::SrdDatagram& datagram, Ipv4Address from) {
  const std::uint32_t context = datagram.header.context;
  const std::uint32_t place = context & 0xffff;
  if (context != 0 && place < peers.size() && peers[place].connection && peers[place].address == from &&
      peers[place].connection->local_context() == context)
    return place;
  const auto known = by_address.find(from);
  if (known == by_address.end()) {
    ++counters.dropped_stranger;
    return static_cast<std::uint32_t>(peers.size());
  }
  // Its connection judges it, too: whoever knows the key learns by a reset that this context is gone.
  if (context != 0) ++counters.misdirected;
  return known->second;
}

void Carrier::Parts::on_datagram(Instant now, const fabric::ArrivedDatagram& arrived,
                                 CarrierReceiver& receiver) {
  ++counters.datagrams_received;
  const auto datagram = wire::SrdDatagram::parse(arrived.bytes);
  if (!datagram) {
    ++counters.dropped_malformed;
    return;
  }
  const std::uint32_t place = find_connection(*datagram, arrived.from);
  if (place == peers.size()) return;
  Connection& connection = connection_of(place);
  const Reception reception = connection.on_datagram(now, *datagram, arrived.is_congestion_experienced);
  get_ready(place);
  if (reception.arrival == Arrival::kDropped) {
    ++counters.dropped[static_cast<std::size_t>(reception.drop_reason)];
    return;
  }
  peers[place].is_unresponsive = false;
  if (datagram->header.payload_bytes != 0) {
    share.on_arrival(now, place, datagram->header.payload_bytes + kOverhead);
    connection.set_receive_share(share.share(now));
  }
  if (reception.arrival == Arrival::kDeliver) {
    deliver(now, place, datagram->header, reception.psn, arrived.bytes.subspan(datagram->bytes()), receiver);
  } else {
    take_events(place);
  }
}

void Carrier::Parts::deliver(Instant now, std::uint32_t place, const wire::SrdHeader& header,
                             std::uint32_t psn, Bytes payload, CarrierReceiver& receiver) {
  const MessageFacts facts{.vni = header.vni,
                           .flow_tag = header.flow_tag,
                           .flow_sequence = header.flow_sequence,
                           .ordered = (header.flags & wire::SrdFlags::kOrdered) != 0};
  const std::uint8_t reason = receiver.on_message(now, handle_of(place, peers[place]), facts, payload);
  Peer& peer = peers[place];
  if (reason == 0) {
    ++peer.counters.messages_received;
    ++counters.messages.messages_received;
    return;
  }
  peer.connection->refuse(now, psn, reason);
  ++peer.counters.messages_declined;
  ++counters.messages.messages_declined;
}

void Carrier::Parts::get_ready(std::uint32_t place) {
  if (std::exchange(peers[place].is_ready, true)) return;
  ready.push_back(place);
}

void Carrier::Parts::set_timer(std::uint32_t place) {
  timers.set(place, peers[place].connection ? peers[place].connection->next_timeout() : Instant::never());
}

void Carrier::Parts::take_events(std::uint32_t place) {
  Event event;
  while (peers[place].connection->poll_event(event)) end(place, event);
}

void Carrier::Parts::end(std::uint32_t place, const Event& event) {
  Peer& peer = peers[place];
  const auto count = [&](std::uint64_t PeerCounters::* counter) {
    ++(peer.counters.*counter);
    ++(counters.messages.*counter);
  };
  switch (event.kind) {
    case Event::Kind::kDelivered:
      count(&PeerCounters::messages_delivered);
      release(event.token);
      return;
    case Event::Kind::kRefused:
      count(&PeerCounters::messages_refused);
      break;
    case Event::Kind::kUnknown:
      count(&PeerCounters::messages_unknown);
      break;
    case Event::Kind::kNeverSent:
      count(&PeerCounters::messages_never_sent);
      break;
    case Event::Kind::kPeerUnresponsive:
      peer.is_unresponsive = true;
      return;
    default:
      return;
  }
  remember_end(place, event, facts_of(event.token));
  release(event.token);
}

void Carrier::Parts::remember_end(std::uint32_t place, const Event& event, const MessageFacts& facts) {
  using Kind = EndedMessage::Kind;
  if (ended.size() == kEndsMax) {
    ended.pop_front();
    ++counters.ends_forgotten;
  }
  ended.push_back({.peer = handle_of(place, peers[place]),
                   .kind = event.kind == Event::Kind::kRefused   ? Kind::kRefused
                           : event.kind == Event::Kind::kUnknown ? Kind::kUnknown
                                                                 : Kind::kNeverSent,
                   .refuse_reason = event.refuse_reason,
                   .vni = facts.vni,
                   .flow_tag = facts.flow_tag,
                   .flow_sequence = facts.flow_sequence});
}

MessageFacts Carrier::Parts::facts_of(MessagePool::Slab slab) {
  SlabHead head;
  std::memcpy(&head, pool.bytes_of(slab).data(), sizeof head);
  return head.facts;
}

// A copy that waits for the underlay is not needed any more.
void Carrier::Parts::release(MessagePool::Slab slab) {
  for (std::size_t i = departures_sent; i < departures_count; ++i)
    if (departures[i].slab == slab) departures[i].is_cancelled = true;
  pool.release(slab);
}

Carrier::Carrier(const CarrierOptions& options, fabric::Underlay& underlay)
    : parts_(std::make_unique<Parts>(options, underlay)) {}
Carrier::~Carrier() = default;

PeerHandle Carrier::set_peer(Instant now, Ipv4Address address, const PairKey& key) {
  Parts& parts = *parts_;
  if (const auto known = parts.by_address.find(address); known != parts.by_address.end()) {
    Parts::Peer& peer = parts.peers[known->second];
    if (peer.key != key) {
      parts.let_go(now, known->second);
      peer.key = key;
    }
    return Parts::handle_of(known->second, peer);
  }
  std::uint32_t place = 0;
  if (!parts.free_places.empty()) {
    place = parts.free_places.back();
    parts.free_places.pop_back();
  } else if (parts.peers.size() == parts.options.peers_max) {
    return kNoPeer;
  } else {
    place = static_cast<std::uint32_t>(parts.peers.size());
    parts.peers.emplace_back();
  }
  Parts::Peer& peer = parts.peers[place];
  const std::uint16_t generation = std::max<std::uint16_t>(peer.generation, 1);
  const bool is_listed = peer.is_ready;
  peer = {};
  peer.address = address;
  peer.key = key;
  peer.generation = generation;
  peer.is_ready = is_listed;
  parts.by_address.emplace(address, place);
  return Parts::handle_of(place, peer);
}

void Carrier::remove_peer(Instant now, Ipv4Address address) {
  const auto known = parts_->by_address.find(address);
  if (known == parts_->by_address.end()) return;
  const std::uint32_t place = known->second;
  parts_->by_address.erase(known);
  parts_->let_go(now, place);
  Parts::Peer& peer = parts_->peers[place];
  peer.generation = static_cast<std::uint16_t>(peer.generation == 0xffff ? 1 : peer.generation + 1);
  parts_->free_places.push_back(place);
}

void Carrier::set_peer_mtu(PeerHandle peer, std::uint32_t bytes) {
  Parts::Peer* const found = parts_->find(peer);
  if (found == nullptr) return;
  found->message_bytes_max = std::min(kMessageBytesMax, bytes < kOverhead ? 0 : bytes - kOverhead);
}

PeerHandle Carrier::peer_at(Ipv4Address address) const {
  const auto known = parts_->by_address.find(address);
  return known == parts_->by_address.end() ? kNoPeer
                                           : Parts::handle_of(known->second, parts_->peers[known->second]);
}

CarrierSend Carrier::send(Instant now, PeerHandle peer, const MessageFacts& facts, ConstBytes header,
                          ConstBytes payload) {
  return parts_->send(now, peer, facts, header, payload);
}

void Carrier::on_datagram(Instant now, const fabric::ArrivedDatagram& datagram, CarrierReceiver& receiver) {
  parts_->on_datagram(now, datagram, receiver);
}

std::size_t Carrier::transmit(Instant now) { return parts_->transmit(now); }

Instant Carrier::next_timeout() const {
  if (parts_->departures_count != 0) return std::min(parts_->retry_at, parts_->timers.first());
  return parts_->ready.empty() ? parts_->timers.first() : Instant{};
}

void Carrier::on_timeout(Instant now) {
  Parts& parts = *parts_;
  while (parts.timers.first() <= now) {
    const std::uint32_t place = parts.timers.who_is_first();
    parts.peers[place].connection->on_timeout(now);
    parts.take_events(place);
    parts.get_ready(place);
    parts.timers.set(place, Instant::never());  // transmit() sets it again.
  }
}

std::optional<EndedMessage> Carrier::poll_ended() {
  if (parts_->ended.empty()) return std::nullopt;
  const EndedMessage first = parts_->ended.front();
  parts_->ended.pop_front();
  return first;
}

bool Carrier::is_established(PeerHandle peer) const {
  const Parts::Peer* const found = parts_->find(peer);
  return found != nullptr && found->connection && found->connection->is_established() &&
         !found->is_unresponsive;
}

void Carrier::connect(Instant now, PeerHandle peer) {
  if (parts_->find(peer) == nullptr) return;
  parts_->connection_of(Parts::place_of(peer)).connect(now);
  parts_->get_ready(Parts::place_of(peer));
}

void Carrier::close(Instant now) {
  for (std::uint32_t place = 0; place < parts_->peers.size(); ++place) {
    if (!parts_->peers[place].connection) continue;
    parts_->peers[place].connection->close(now);
    parts_->take_events(place);
    parts_->get_ready(place);
  }
}

std::uint32_t Carrier::utilization_percent() const {
  const std::size_t memory = parts_->pool.bytes_used() * 100 / parts_->pool.bytes_max();
  const std::size_t peers = parts_->by_address.size() * 100 / parts_->options.peers_max;
  return static_cast<std::uint32_t>(std::max(memory, peers));
}

std::size_t Carrier::bytes() const {
  std::size_t bytes = sizeof(Parts) + parts_->pool.bytes_held() + parts_->peers.size() * sizeof(Parts::Peer);
  for (const Parts::Peer& peer : parts_->peers)
    if (peer.connection) bytes += peer.connection->bytes();
  return bytes;
}

const CarrierCounters& Carrier::counters() const { return parts_->counters; }

PeerCounters Carrier::peer_counters(PeerHandle peer) const {
  const Parts::Peer* const found = parts_->find(peer);
  return found == nullptr ? PeerCounters{} : found->counters;
}

RepairCounters Carrier::repairs() const {
  RepairCounters sum;
  for (const Parts::Peer& peer : parts_->peers) {
    if (!peer.connection) continue;
    const Counters& each = peer.connection->counters();
    sum.retransmissions_by_gap += each.retransmissions_by_gap;
    sum.retransmissions_by_timer += each.retransmissions_by_timer;
    sum.tail_probes += each.tail_probes;
    sum.retransmission_timeouts += each.retransmission_timeouts;
    sum.spurious_retransmissions += each.spurious_retransmissions;
    sum.slots_died += each.slots_died;
  }
  return sum;
}

std::optional<Counters> Carrier::connection_counters(PeerHandle peer) const {
  const Parts::Peer* const found = parts_->find(peer);
  if (found == nullptr || !found->connection) return std::nullopt;
  return found->connection->counters();
}

std::optional<Measurements> Carrier::measurements(PeerHandle peer) const {
  const Parts::Peer* const found = parts_->find(peer);
  if (found == nullptr || !found->connection) return std::nullopt;
  return found->connection->measurements();
}

}  // namespace enid::srd
