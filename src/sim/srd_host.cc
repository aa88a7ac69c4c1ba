#include "sim/srd_host.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "base/check.h"

namespace enid::sim {
namespace {

static_assert(std::is_trivially_copyable_v<wire::SrdDatagram>);
static_assert(sizeof(wire::SrdDatagram) <= Packet::kHeaderBytesMax);

constexpr std::uint32_t kQueuedAtMost = 4;

constexpr std::uint64_t token_of(std::uint32_t flow, std::uint32_t datagram) {
  return std::uint64_t{flow} << 32 | datagram;
}

}  // namespace

SrdHost::SrdHost(std::uint64_t link_bits_per_second, FlowTable& flows)
    : flows_(flows), share_(link_bits_per_second) {}

std::uint32_t SrdHost::add_connection(std::uint32_t peer, const srd::Settings& settings, std::uint64_t seed) {
  peers_.emplace_back(settings, seed);
  peers_.back().host = peer;
  return static_cast<std::uint32_t>(peers_.size() - 1);
}

void SrdHost::connect(Picoseconds now, std::uint32_t connection) {
  peers_[connection].connection.connect(to_instant(now));
  after(now, connection);
}

void SrdHost::start_flow(Picoseconds now, std::uint32_t flow, std::uint32_t connection) {
  peers_[connection].to_send.emplace_back(flow, 0);
  feed(now, peers_[connection]);
  after(now, connection);
}

void SrdHost::feed(Picoseconds now, Peer& peer) {
  // A few at a time: what is in the connection's queue goes before flows that start later.
  const std::uint32_t enough = peer.queue_messages - kQueuedAtMost;
  while (!peer.to_send.empty() && peer.connection.queue_space() > enough) {
    auto [flow, datagram] = peer.to_send.front();
    srd::Message message;
    message.token = token_of(flow, datagram);
    message.bytes = flows_.payload_of(flow, datagram);
    message.flow_tag = static_cast<std::uint16_t>(flow);
    message.flow_sequence = datagram;
    if (peer.connection.send(to_instant(now), message) != srd::SendResult::kAccepted) return;
    peer.to_send.pop_front();
    if (datagram + 1 < flows_[flow].datagrams) peer.to_send.emplace_back(flow, datagram + 1);
  }
}

bool SrdHost::poll_transmit(Picoseconds now, Packet& out) {
  while (!ready_.empty()) {
    const std::uint32_t number = ready_.front();
    Peer& peer = peers_[number];
    feed(now, peer);
    srd::Transmission transmission;
    if (!peer.connection.poll_transmit(to_instant(now), transmission)) {
      ready_.remove_front();
      set_timer(number);
      continue;
    }
    ready_.rotate();
    const wire::SrdHeader& header = transmission.datagram.header;
    out.target = peer.host;
    out.payload_bytes = transmission.has_payload ? header.payload_bytes : 0;
    out.wire_bytes =
        kIpAndUdpBytes + static_cast<std::uint32_t>(transmission.datagram.bytes()) + out.payload_bytes;
    out.connection = peer.number_at_peer;
    out.payload = transmission.token;
    out.source_port = transmission.source_port;
    out.transport = Transport::kSrd;
    out.ecn_capable = transmission.ecn_capable;
    std::memcpy(out.header.data(), &transmission.datagram, sizeof transmission.datagram);
    if ((header.flags & wire::SrdFlags::kRetransmission) != 0 && transmission.has_payload) {
      flows_.on_retransmission(static_cast<std::uint32_t>(transmission.token >> 32));
    }
    return true;
  }
  return false;
}

void SrdHost::on_packet(Picoseconds now, const Packet& packet) {
  if (packet.connection >= peers_.size()) return;
  Peer& peer = peers_[packet.connection];
  wire::SrdDatagram datagram;
  std::memcpy(&datagram, packet.header.data(), sizeof datagram);
  const srd::Reception reception = peer.connection.on_datagram(to_instant(now), datagram, packet.ecn_marked);
  if (packet.payload_bytes > 0) {
    share_.on_arrival(to_instant(now), packet.connection, packet.wire_bytes);
    peer.connection.set_receive_share(share_.share(to_instant(now)));
  }
  if (reception.arrival == srd::Arrival::kDeliver) {
    flows_.on_delivered(now, static_cast<std::uint32_t>(packet.payload >> 32),
                        static_cast<std::uint32_t>(packet.payload));
  }
  after(now, packet.connection);
}

// The connection was touched: takes its events, and lets it have its turn.
void SrdHost::after(Picoseconds now, std::uint32_t number) {
  Peer& peer = peers_[number];
  srd::Event event;
  while (peer.connection.poll_event(event)) {
    if (event.kind != srd::Event::Kind::kDelivered) continue;
    flows_.on_acknowledged(now, static_cast<std::uint32_t>(event.token >> 32),
                           static_cast<std::uint32_t>(event.token));
  }
  ready_.add(number);
}

void SrdHost::set_timer(std::uint32_t number) {
  Peer& peer = peers_[number];
  const Picoseconds when = to_picoseconds(peer.connection.next_timeout());
  if (when >= peer.timer_at) return;  // The earlier event comes first and asks again.
  peer.timer_at = when;
  timers_.push({when, 0, number});
}

Picoseconds SrdHost::next_wake() const { return timers_.empty() ? kNever : timers_.top().time; }

void SrdHost::on_wake(Picoseconds now) {
  while (!timers_.empty() && timers_.top().time <= now) {
    const Event timer = timers_.top();
    timers_.pop();
    Peer& peer = peers_[timer.target];
    if (peer.timer_at != timer.time) continue;
    peer.timer_at = kNever;
    if (peer.connection.next_timeout() <= to_instant(now)) {
      peer.connection.on_timeout(to_instant(now));
      after(now, timer.target);
    } else {
      set_timer(timer.target);
    }
  }
}

std::vector<SrdHost::View> SrdHost::connections() const {
  std::vector<View> views;
  views.reserve(peers_.size());
  for (const Peer& peer : peers_) views.push_back({peer.host, &peer.connection});
  return views;
}

}  // namespace enid::sim
