// A packet's way between hosts: who carries it, and what comes from there.
#include <algorithm>
#include <utility>

#include "card/card_parts.h"
#include "wire/ethernet.h"
#include "wire/srd_header.h"

namespace enid::card {

namespace {

constexpr std::uint32_t kIpAndUdpBytes = 20 + 8;
// Behind those: Geneve's header, or SRD's with its tag, and the inner Ethernet header.
constexpr std::uint32_t kGeneveOverhead = kIpAndUdpBytes + 8 + wire::EthernetHeader::kBytes;
constexpr std::uint32_t kSrdOverhead =
    kIpAndUdpBytes + wire::SrdHeader::kBytes + wire::SrdHeader::kTagBytes + wire::EthernetHeader::kBytes;

std::uint16_t inner_mtu(std::uint32_t underlay_mtu, std::uint32_t overhead) {
  return static_cast<std::uint16_t>(std::clamp<std::uint32_t>(underlay_mtu, overhead + 576, overhead + 9001) -
                                    overhead);
}

}  // namespace

void Card::attach_underlay(fabric::Underlay* underlay) {
  Parts& parts = *parts_;
  parts.underlay = underlay;
  parts.state.express = nullptr;
  parts.express.reset();
  parts.tables.for_each_host([](RemoteHost& host) { host.express = nullptr; });
  if (underlay == nullptr || !parts.express_options.carrier) return;
  parts.express = std::make_unique<ExpressLinks>(parts.express_options, *underlay, parts.tables);
  parts.state.express = parts.express.get();
  parts.express->sync_hosts(Instant{});
}

void Card::close(Instant now) {
  if (parts_->express != nullptr) parts_->express->close(now);
}

void Card::set_underlay_mtu(const HostId& id, std::uint32_t mtu) {
  RemoteHost* host = parts_->tables.find_host(id);
  if (host == nullptr) return;
  const std::uint16_t by_geneve = inner_mtu(mtu, kGeneveOverhead);
  const std::uint16_t by_srd = inner_mtu(mtu, kSrdOverhead);
  if (parts_->express != nullptr) parts_->express->set_underlay_mtu(host->program.underlay_address, mtu);
  if (by_geneve == host->mtu && by_srd == host->express_mtu) return;
  host->mtu = by_geneve;
  host->express_mtu = by_srd;
  parts_->flows.forget_all();
}

std::size_t Card::poll_underlay(Instant now, WallTime wall) {
  if (parts_->underlay == nullptr) return 0;
  std::array<fabric::ArrivedDatagram, kBatchFrames> arrivals;
  const std::size_t count = parts_->underlay->receive(arrivals);
  parts_->on_arrivals({arrivals.data(), count}, now, wall);
  return count;
}

bool Card::Parts::Entrance::enter(std::uint32_t wanted) {
  if (interface != nullptr && wanted == vni) return true;
  carry();
  vni = wanted;
  interface = parts.tables.entrance_of(wanted);
  return interface != nullptr;
}

void Card::Parts::Entrance::add(const Arrival& arrival) {
  if (!enter(arrival.vni)) {
    ++parts.underlay_counters.unknown_vpc;
    return;
  }
  ++parts.underlay_counters.received_frames;
  Batch& into = parts.batch;
  into.frames[gathered] = {arrival.frame, {}};
  into.senders[gathered] = arrival.sender;
  into.forwarded[gathered] = arrival.is_forwarded;
  into.by_srd[gathered++] = arrival.by_srd;
  if (gathered == kBatchFrames) carry();
}

void Card::Parts::Entrance::carry() {
  if (gathered != 0) parts.carry_batch(*interface, std::exchange(gathered, 0), now, wall);
}

void Card::Parts::on_arrivals(std::span<const fabric::ArrivedDatagram> arrivals, Instant now, WallTime wall) {
  Entrance entrance{*this, now, wall};
  for (const fabric::ArrivedDatagram& arrival : arrivals) {
    if (tables.host_at(arrival.from) == nullptr) {
      ++underlay_counters.unknown_host;
      continue;
    }
    if (arrival.channel == fabric::Channel::kSrd) {
      if (express == nullptr) {
        ++underlay_counters.malformed;
        continue;
      }
      express->on_datagram(now, arrival);
      gather_express_arrivals(entrance);
      continue;
    }
    const auto datagram = parse_tunnel_datagram(arrival.bytes);
    if (!datagram) {
      ++underlay_counters.malformed;
    } else if (!datagram->header.moved) {
      entrance.add({.sender = arrival.from,
                    .vni = datagram->header.vni,
                    .frame = datagram->frame,
                    .is_forwarded = datagram->header.is_forwarded});
    } else if (entrance.enter(datagram->header.vni)) {
      on_moved(datagram->header.vni, *datagram->header.moved, arrival.from);
    } else {
      ++underlay_counters.unknown_vpc;
    }
  }
  entrance.carry();
  if (express != nullptr) express->recycle();
}

void Card::Parts::gather_express_arrivals(Entrance& entrance) {
  for (const ExpressArrival& arrival : express->arrivals())
    entrance.add({.sender = arrival.sender, .vni = arrival.vni, .frame = arrival.frame, .by_srd = true});
  express->arrivals().clear();
}

void Card::Parts::on_express_timeout(Instant now) {
  if (now < express->next_timeout()) return;
  express->on_timeout(now);
  if (express->arrivals().empty()) return;
  Entrance entrance{*this, now, WallTime{}};
  gather_express_arrivals(entrance);
  entrance.carry();
  express->recycle();
}

void Card::Parts::on_moved(std::uint32_t vni, const MovedNotice& notice, Ipv4Address sender) {
  ++underlay_counters.moved_notices_received;
  Interface* interface = tables.receiver_of(*tables.entrance_of(vni)->vpc, notice.mac);
  if (interface == nullptr) return;
  tables.resolve(*interface);
  // Only the host that we send to knows better, and only a host's address is an answer.
  if (interface->remote == nullptr || interface->remote->program.underlay_address != sender) return;
  if (tables.host_at(notice.host) != nullptr) tables.note_move(*interface, notice.host);
}

void Card::Parts::tell_moved(const Walk& walk, Ipv4Address sender) {
  if (underlay == nullptr) return;
  std::array<std::uint8_t, TunnelHeader::kBytesMax> bytes;
  const TunnelHeader header{
      .vni = walk.from->vpc->program.vni,
      .moved = MovedNotice{walk.to->program.mac, walk.to->remote->program.underlay_address}};
  const std::size_t size = header.write(bytes);
  const fabric::OutgoingDatagram datagram{.to = sender, .header = ConstBytes(bytes).first(size)};
  underlay_counters.moved_notices_sent += underlay->send({&datagram, 1});
}

// Decisions name the receiver; where it is may have changed since by a notice.
void Card::Parts::carry_to_host(Interface& from, Interface& to, const FlowDecision& decision, std::size_t i,
                                Instant now) {
  tables.resolve(to);
  if (to.remote == nullptr || underlay == nullptr) {
    drop(from, DropReason::kHostUnknown, batch.packets[i].segments);
    return;
  }
  RemoteHost& host = *to.remote;
  // Of both directions and all hosts the same function: a flow stays on its path.
  const std::uint64_t hash = flows.hash(batch.packets[i].key);
  if (decision.express == ExpressEligibility::kEligible && carry_by_srd(from, host, i, hash, now)) return;
  if (host.output == nullptr) host.output = std::make_unique<TunnelOutput>();
  if (host.output_count == 0) host_outputs.push_back(&host);
  TunnelOutput& output = *host.output;
  output.frames[host.output_count] = {.frame = batch.frames[i],
                                      .vni = from.vpc->program.vni,
                                      .path = static_cast<std::uint16_t>(hash % fabric::kPaths),
                                      .is_forwarded = from.is_entrance};
  output.senders[host.output_count] = &from;
  output.places[host.output_count++] = static_cast<std::uint8_t>(i);
}

bool Card::Parts::carry_by_srd(Interface& from, RemoteHost& host, std::size_t i, std::uint64_t flow_hash,
                               Instant now) {
  const Packet& packet = batch.packets[i];
  from.express.eligible_tx_pkts += packet.segments;
  if (express == nullptr) return false;
  const ExpressLinks::Sent sent = express->send(now, host.express,
                                                {.frame = batch.frames[i],
                                                 .mtu_bytes = packet.mtu_bytes,
                                                 .is_tcp = packet.is_tcp(),
                                                 .flow_hash = flow_hash,
                                                 .vni = from.vpc->program.vni});
  from.express.tx_pkts += sent.taken;
  host.sent_frames += sent.taken != 0;
  if (sent.fallback == ExpressFallback::kNone) return true;
  if (!sent.must_drop) return false;
  drop(from, DropReason::kSrdFull, static_cast<std::uint64_t>(packet.segments - sent.taken));
  return true;
}

void Card::Parts::flush_host(RemoteHost& host) {
  const TunnelOutput& output = *host.output;
  const std::size_t count = std::exchange(host.output_count, 0);
  const std::size_t taken =
      tunnel.send(*underlay, host.program.underlay_address, {output.frames.data(), count});
  host.sent_frames += taken;
  for (std::size_t lost = taken; lost < count; ++lost)
    drop(*output.senders[lost], DropReason::kUnderlayFull, batch.packets[output.places[lost]].segments);
}

}  // namespace enid::card
