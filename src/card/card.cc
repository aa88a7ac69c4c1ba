#include "card/card.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "card/flow_decision.h"
#include "card/packet_trace.h"
#include "card/pipelines.h"
#include "card/stages/parse.h"
#include "card/tables/tables.h"
#include "card/walk.h"
#include "flow/connection_table.h"
#include "flow/flow_table.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

namespace enid::card {
namespace {

// Expired connections that nobody asks for are freed within about ten seconds.
constexpr Duration kSweepInterval = Duration::from_milliseconds(250);
constexpr std::size_t kSweepRounds = 40;

// What an interface's port may tell its instance. Lives as long as the port is attached.
class InterfaceAllowances final : public AllowanceSource {
 public:
  InterfaceAllowances(const Interface& interface, const flow::ConnectionTable& connections)
      : interface_(interface), connections_(connections) {}

  Allowances allowances() const override {
    const auto drops = [&](DropReason reason) { return interface_.drops[static_cast<std::size_t>(reason)]; };
    return {.link_local_exceeded = drops(DropReason::kServiceRateExceeded),
            .connections_exceeded = drops(DropReason::kConnectionTableFull),
            .connections_available = connections_.available(interface_.handle)};
  }

 private:
  const Interface& interface_;
  const flow::ConnectionTable& connections_;
};

}  // namespace

struct Card::Parts {
  using Flows = flow::FlowTable<FlowDecision>;

  struct Port {
    FramePort* port = nullptr;
    NetworkInterfaceId interface_id;
    InterfaceHandle interface = 0;
    std::uint16_t stamp = 0;
    bool used = false;
  };

  struct Capture {
    CaptureSink* sink;
    std::vector<NetworkInterfaceId> interfaces;
  };

  // One poll's packets, kept outside the stack because it is some kilobytes of warm memory.
  struct Batch {
    std::array<Frame, kBatchFrames> frames;
    std::array<Packet, kBatchFrames> packets;
    std::array<DropReason, kBatchFrames> parsed;
    std::array<std::uint64_t, kBatchFrames> hashes;
    std::array<Flows::Entry*, kBatchFrames> entries;
    // Only of frames from other hosts: who sent it, and whether it was sent on.
    std::array<Ipv4Address, kBatchFrames> senders;
    std::array<bool, kBatchFrames> forwarded;
    bool entries_moved = false;  // Since they were looked up.
  };

  Parts(const CardOptions& options, Random random)
      : tables(options.host),
        flows(options.flow_entries_max, random.next()),
        connections(options.tracked_connections_max, random.next()),
        services(options.services) {}

  void apply_changes(const std::vector<contract::Entity>& upserts,
                     const std::vector<contract::EntityId>& removes);
  void note_change(const ProgramChange& change);
  void release(Interface& interface);
  void place_captures();

  Port* port_of(PortHandle handle) {
    const std::size_t index = handle & 0xffff;
    if (index >= ports.size() || !ports[index].used || ports[index].stamp != handle >> 16) return nullptr;
    return &ports[index];
  }

  void look_up(Interface& from, std::size_t count, Instant now);
  void carry(Interface& from, std::size_t i, Instant now, WallTime wall);
  bool carry_known(Interface& from, std::size_t i, Instant now);
  static bool must_touch(const FlowDecision& decision, const Packet& packet, Instant now);
  bool touch_connections(FlowDecision& decision, const Interface& from, const Interface& to,
                         const Packet& packet, Instant now);
  void walk(Interface& from, std::size_t i, Instant now, WallTime wall);
  void carry_batch(Interface& from, std::size_t count, Instant now, WallTime wall);
  void carry_to_host(Interface& from, Interface& to, std::size_t i);
  void flush_host(RemoteHost& host);
  void on_arrivals(std::span<const fabric::ArrivedDatagram> arrivals, Instant now, WallTime wall);
  void on_moved(std::uint32_t vni, const MovedNotice& notice, Ipv4Address sender);
  void tell_moved(const Walk& walk, Ipv4Address sender);
  void deliver(Interface& from, Interface& to, const FlowDecision& decision, std::size_t i, Instant now);
  void drop(Interface& interface, DropReason reason, std::uint64_t packets) {
    interface.drops[static_cast<std::size_t>(reason)] += packets;
  }
  void capture(const Interface& interface, bool from_instance, Instant now, const Frame& frame,
               DropReason reason) const;
  void flush_outputs();
  void flush_card_frames(Instant now);
  void schedule_sweep(Instant now) {
    if (next_sweep == Instant::never() && connections.size() != 0) next_sweep = now + kSweepInterval;
  }

  Tables tables;
  Flows flows;
  flow::ConnectionTable connections;
  LinkLocalServices services;
  ServiceFrames card_frames;
  CardState state{tables, connections, services, card_frames};
  std::vector<Port> ports;
  std::vector<Capture> captures;
  Batch batch;
  std::vector<Interface*> outputs;  // Interfaces with frames to flush.
  std::vector<RemoteHost*> host_outputs;
  fabric::Underlay* underlay = nullptr;
  TunnelSender tunnel;
  contract::UnderlayCounters underlay_counters;
  Instant next_sweep = Instant::never();
  std::uint64_t revision = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
};

Card::Card(const CardOptions& options) : parts_(std::make_unique<Parts>(options, Random(options.seed))) {}
Card::~Card() = default;

void Card::apply(const contract::CardDelta& delta, Instant) {
  parts_->apply_changes(delta.upserts, delta.removes);
  parts_->revision = delta.revision;
}

void Card::replace(const contract::CardSnapshot& snapshot, Instant) {
  std::set<contract::EntityId> kept;
  for (const contract::Entity& entity : snapshot.entities)
    std::visit([&](const auto& program) { kept.emplace(program.id); }, entity);
  std::vector<contract::EntityId> removes = parts_->tables.all_ids();
  std::erase_if(removes, [&](const contract::EntityId& id) { return kept.contains(id); });
  parts_->apply_changes(snapshot.entities, removes);
  parts_->revision = snapshot.revision;
}

void Card::Parts::apply_changes(const std::vector<contract::Entity>& upserts,
                                const std::vector<contract::EntityId>& removes) {
  for (const contract::EntityId& id : removes) note_change(tables.remove(id));
  for (const contract::Entity& entity : upserts) note_change(tables.upsert(entity));
  if (!captures.empty()) place_captures();
}

void Card::Parts::note_change(const ProgramChange& change) {
  if (change.decisions) flows.forget_all();
  if (!change.forgotten) return;
  services.forget_interface(*change.forgotten);
  if (!change.interface_removed) return;
  connections.erase_interface(*change.forgotten);
  if (Interface* interface = tables.at(*change.forgotten)) release(*interface);
}

void Card::Parts::release(Interface& interface) {
  if (interface.programmed || interface.port != nullptr) return;
  services.forget_interface(interface.handle);
  tables.release_if_unused(interface);
}

PortHandle Card::attach_port(const NetworkInterfaceId& id, FramePort& port, PortOwner owner) {
  Interface& interface = parts_->tables.interface_of(id);
  std::vector<Parts::Port>& ports = parts_->ports;
  for (Parts::Port& other : ports)
    if (other.used && other.interface_id == id) {
      other.used = false;
      ++other.stamp;
    }
  auto place = std::ranges::find_if(ports, [](const Parts::Port& candidate) { return !candidate.used; });
  if (place == ports.end()) {
    CHECK(ports.size() < 0x10000);
    place = ports.emplace(ports.end());
  }
  place->port = &port;
  place->interface_id = id;
  place->interface = interface.handle;
  place->used = true;
  if (interface.port != nullptr) interface.port->set_allowances(nullptr);
  interface.port = &port;
  interface.has_user = owner == PortOwner::kUser;
  interface.allowances = std::make_unique<InterfaceAllowances>(interface, parts_->connections);
  port.set_allowances(interface.allowances.get());
  if (interface.output == nullptr) interface.output = std::make_unique<Output>();
  parts_->flows.forget_all();
  if (!parts_->captures.empty()) parts_->place_captures();
  return static_cast<PortHandle>(place - ports.begin()) | std::uint32_t{place->stamp} << 16;
}

void Card::detach_port(PortHandle handle) {
  Parts::Port* port = parts_->port_of(handle);
  if (port == nullptr) return;
  port->used = false;
  ++port->stamp;
  port->port = nullptr;
  Interface* interface = parts_->tables.at(port->interface);
  CHECK(interface != nullptr);
  interface->port->set_allowances(nullptr);
  interface->allowances.reset();
  interface->port = nullptr;
  interface->has_user = false;
  interface->output.reset();
  parts_->flows.forget_all();
  parts_->release(*interface);
}

std::size_t Card::poll(PortHandle handle, Instant now, WallTime wall) {
  Parts& parts = *parts_;
  const Parts::Port* port = parts.port_of(handle);
  if (port == nullptr) return 0;
  const std::size_t count = port->port->receive(parts.batch.frames);
  if (count == 0) return 0;
  parts.carry_batch(*parts.tables.at(port->interface), count, now, wall);
  return count;
}

void Card::Parts::carry_batch(Interface& from, std::size_t count, Instant now, WallTime wall) {
  look_up(from, count, now);
  for (std::size_t i = 0; i < count; ++i) {
    carry(from, i, now, wall);
    if (card_frames.frames().size() >= kBatchFrames) flush_card_frames(now);
  }
  flush_outputs();
  flush_card_frames(now);
  schedule_sweep(now);
}

void Card::attach_underlay(fabric::Underlay* underlay) { parts_->underlay = underlay; }

void Card::set_underlay_mtu(const HostId& id, std::uint32_t mtu) {
  // Outer IPv4, UDP and Geneve headers, and the inner Ethernet header.
  constexpr std::uint32_t kOverhead = 20 + 8 + 8 + wire::EthernetHeader::kBytes;
  RemoteHost* host = parts_->tables.find_host(id);
  if (host == nullptr) return;
  const std::uint32_t inner = std::clamp<std::uint32_t>(mtu, kOverhead + 576, kOverhead + 9001) - kOverhead;
  if (std::exchange(host->mtu, static_cast<std::uint16_t>(inner)) != inner) parts_->flows.forget_all();
}

std::size_t Card::poll_underlay(Instant now, WallTime wall) {
  if (parts_->underlay == nullptr) return 0;
  std::array<fabric::ArrivedDatagram, kBatchFrames> arrivals;
  const std::size_t count = parts_->underlay->receive(arrivals);
  parts_->on_arrivals({arrivals.data(), count}, now, wall);
  return count;
}

// Frames of one VPC that follow each other are one batch, as if they came from one port.
void Card::Parts::on_arrivals(std::span<const fabric::ArrivedDatagram> arrivals, Instant now, WallTime wall) {
  Interface* entrance = nullptr;
  std::uint32_t vni = 0;
  std::size_t gathered = 0;
  const auto carry_gathered = [&] {
    if (gathered != 0) carry_batch(*entrance, std::exchange(gathered, 0), now, wall);
  };
  for (const fabric::ArrivedDatagram& arrival : arrivals) {
    if (tables.host_at(arrival.from) == nullptr) {
      ++underlay_counters.unknown_host;
      continue;
    }
    const auto datagram = parse_tunnel_datagram(arrival.bytes);
    if (!datagram) {
      ++underlay_counters.malformed;
      continue;
    }
    if (entrance == nullptr || datagram->header.vni != vni) {
      carry_gathered();
      vni = datagram->header.vni;
      entrance = tables.entrance_of(vni);
    }
    if (entrance == nullptr) {
      ++underlay_counters.unknown_vpc;
      continue;
    }
    if (datagram->header.moved) {
      on_moved(vni, *datagram->header.moved, arrival.from);
      continue;
    }
    ++underlay_counters.received_frames;
    batch.frames[gathered] = {datagram->frame, {}};
    batch.senders[gathered] = arrival.from;
    batch.forwarded[gathered++] = datagram->header.is_forwarded;
  }
  carry_gathered();
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

// Three passes over the batch, so that the cache lines that one packet waits for are fetched
// while others are worked on: headers, then flow entries, then (in carry) their connections.
void Card::Parts::look_up(Interface& from, std::size_t count, Instant now) {
  constexpr std::size_t kAhead = 8;
  for (std::size_t i = 0; i < std::min(kAhead, count); ++i)
    __builtin_prefetch(batch.frames[i].bytes.data(), 1);
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(batch.frames[i + kAhead].bytes.data(), 1);
    Packet& packet = batch.packets[i];
    packet = Packet{};
    batch.parsed[i] = parse(batch.frames[i], from, now, true, packet);
    packets += packet.segments;
    bytes += packet.wire_bytes;
    if (!packet.cacheable) continue;
    batch.hashes[i] = flows.hash(packet.key);
    flows.prefetch(batch.hashes[i]);
  }
  from.sent_packets += packets;
  from.sent_bytes += bytes;
  for (std::size_t i = 0; i < count; ++i) {
    batch.entries[i] = nullptr;
    if (!batch.packets[i].cacheable) continue;
    Flows::Entry* entry = flows.find(batch.packets[i].key, batch.hashes[i]);
    batch.entries[i] = entry;
    if (entry == nullptr || !must_touch(entry->value, batch.packets[i], now)) continue;
    connections.prefetch(entry->value.egress_connection);
    connections.prefetch(entry->value.ingress_connection);
  }
  batch.entries_moved = false;
}

void Card::Parts::carry(Interface& from, std::size_t i, Instant now, WallTime wall) {
  const DropReason parsed = batch.parsed[i];
  if (parsed != DropReason::kNone) [[unlikely]] {
    drop(from, parsed, batch.packets[i].segments);
    capture(from, true, now, batch.frames[i], parsed);
    return;
  }
  if (batch.entries_moved) [[unlikely]]
    batch.entries[i] =
        batch.packets[i].cacheable ? flows.find(batch.packets[i].key, batch.hashes[i]) : nullptr;
  if (batch.entries[i] != nullptr && carry_known(from, i, now)) [[likely]] {
    ++hits;
    return;
  }
  ++misses;
  walk(from, i, now, wall);
}

// False: the cached decision does not hold for this packet; nothing was done but a refresh.
bool Card::Parts::carry_known(Interface& from, std::size_t i, Instant now) {
  FlowDecision& decision = batch.entries[i]->value;
  const Packet& packet = batch.packets[i];
  if (packet.mtu_bytes > decision.mtu) return false;
  if (decision.decrement_time_to_live && packet.time_to_live <= 1) return false;
  // Between hosts the receiver is who the MAC says, not who has the address.
  if (from.is_entrance && std::memcmp(batch.frames[i].bytes.data(), decision.macs.data(), 6) != 0)
    return false;
  Interface& to = *tables.at(decision.target);
  if (must_touch(decision, packet, now) && !touch_connections(decision, from, to, packet, now)) return false;
  deliver(from, to, decision, i, now);
  return true;
}

bool Card::Parts::must_touch(const FlowDecision& decision, const Packet& packet, Instant now) {
  constexpr std::uint8_t kMoves = wire::tcp_flag::kSyn | wire::tcp_flag::kFin | wire::tcp_flag::kRst;
  return now >= decision.refresh_due() || (packet.tcp_flags & kMoves) != 0;
}

bool Card::Parts::touch_connections(FlowDecision& decision, const Interface& from, const Interface& to,
                                    const Packet& packet, Instant now) {
  using Touch = flow::ConnectionTable::Touch;
  bool settled = true;
  const auto touch = [&](flow::ConnectionRef connection, bool from_interface,
                         const flow::ConnectionTimeouts& timeouts) {
    if (!connection) return true;
    const Touch touched =
        connections.touch(connection, from_interface, packet.tcp_flags, timeouts, now, kRefreshInterval);
    settled &= touched == Touch::kSettled;
    return touched != Touch::kRefused;
  };
  if (!touch(decision.egress_connection, true, from.timeouts)) return false;
  if (!touch(decision.ingress_connection, false, to.timeouts)) return false;
  decision.set_refresh_due(settled ? now + kRefreshInterval : Instant{});
  return true;
}

void Card::Parts::walk(Interface& from, std::size_t i, Instant now, WallTime wall) {
  Walk walk{state, now, wall, &from, nullptr, batch.frames[i], batch.packets[i]};
  const auto run = [&walk](std::span<const Stage> pipeline) {
    for (const Stage& stage : pipeline)
      if (const StageResult result = stage.run(walk); result != StageResult::kPass) return result;
    return StageResult::kPass;
  };
  if (from.is_entrance) walk.is_forwarded = batch.forwarded[i];
  const StageResult egress = run(from.is_entrance ? entrance_pipeline() : egress_pipeline());
  if (egress != StageResult::kPass) {
    if (egress == StageResult::kDrop) drop(from, walk.reason, walk.packet.segments);
    capture(from, true, now, walk.frame, walk.reason);
    return;
  }
  Interface& to = *walk.to;
  tables.resolve(to);
  if (run(to.is_elsewhere ? carrier_pipeline() : ingress_pipeline()) != StageResult::kPass) {
    drop(to.is_elsewhere ? from : to, walk.reason, walk.packet.segments);
    capture(from, true, now, walk.frame, walk.reason);
    capture(to, false, now, walk.frame, walk.reason);
    return;
  }
  if (from.is_entrance && to.is_elsewhere) tell_moved(walk, batch.senders[i]);
  if (walk.packet.cacheable) {
    flows.insert(walk.packet.key, batch.hashes[i]) = walk.decision;
    batch.entries_moved = true;
  }
  deliver(from, to, walk.decision, i, now);
}

void Card::Parts::deliver(Interface& from, Interface& to, const FlowDecision& decision, std::size_t i,
                          Instant now) {
  Frame& frame = batch.frames[i];
  if (!from.captures.empty()) [[unlikely]]
    capture(from, true, now, frame, DropReason::kNone);
  std::uint8_t* bytes = frame.bytes.data();
  std::memcpy(bytes, decision.macs.data(), decision.macs.size());
  if (decision.decrement_time_to_live) {
    std::uint8_t* ip = bytes + wire::EthernetHeader::kBytes;
    const std::uint16_t before = load_be16(ip + wire::Ipv4Header::kTimeToLiveAt);  // With the protocol.
    const auto after = static_cast<std::uint16_t>(before - 0x100);
    store_be16(ip + wire::Ipv4Header::kTimeToLiveAt, after);
    store_be16(ip + wire::Ipv4Header::kChecksumAt,
               wire::checksum_update(load_be16(ip + wire::Ipv4Header::kChecksumAt), before, after));
  }
  if (to.is_elsewhere) return carry_to_host(from, to, i);
  if (!to.captures.empty()) [[unlikely]]
    capture(to, false, now, frame, DropReason::kNone);
  if (to.output_count == 0) outputs.push_back(&to);
  to.output->frames[to.output_count] = frame;
  to.output->places[to.output_count++] = static_cast<std::uint8_t>(i);
  to.received_packets += batch.packets[i].segments;
  to.received_bytes += batch.packets[i].wire_bytes;
}

// Decisions name the receiver; where it is may have changed since by a notice.
void Card::Parts::carry_to_host(Interface& from, Interface& to, std::size_t i) {
  tables.resolve(to);
  if (to.remote == nullptr || underlay == nullptr) {
    drop(from, DropReason::kHostUnknown, batch.packets[i].segments);
    return;
  }
  RemoteHost& host = *to.remote;
  if (host.output == nullptr) host.output = std::make_unique<TunnelOutput>();
  if (host.output_count == 0) host_outputs.push_back(&host);
  TunnelOutput& output = *host.output;
  // Of both directions and all hosts the same function: a flow stays on its path.
  const std::uint64_t hash = flows.hash(batch.packets[i].key);
  output.frames[host.output_count] = {.frame = batch.frames[i],
                                      .vni = from.vpc->program.vni,
                                      .path = static_cast<std::uint16_t>(hash % fabric::kPaths),
                                      .is_forwarded = from.is_entrance};
  output.senders[host.output_count] = &from;
  output.places[host.output_count++] = static_cast<std::uint8_t>(i);
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

void Card::Parts::flush_outputs() {
  for (RemoteHost* host : host_outputs) flush_host(*host);
  host_outputs.clear();
  for (Interface* to : outputs) {
    const std::size_t taken = to->port->transmit({to->output->frames.data(), to->output_count});
    for (std::size_t lost = taken; lost < to->output_count; ++lost) {
      const Packet& packet = batch.packets[to->output->places[lost]];
      drop(*to, DropReason::kPortFull, packet.segments);
      to->received_packets -= packet.segments;
      to->received_bytes -= packet.wire_bytes;
    }
    to->output_count = 0;
  }
  outputs.clear();
}

void Card::Parts::flush_card_frames(Instant now) {
  for (ServiceFrame& made : card_frames.frames()) {
    Interface* to = tables.at(made.to);
    if (to == nullptr || to->port == nullptr) continue;
    const Frame frame{made.bytes, {}};
    if (to->port->transmit({&frame, 1}) == 0) {
      drop(*to, DropReason::kPortFull, 1);
      continue;
    }
    ++to->received_packets;
    to->received_bytes += made.bytes.size();
    capture(*to, false, now, frame, DropReason::kNone);
  }
  card_frames.clear();
}

Instant Card::next_timeout() const { return std::min(parts_->services.next_timeout(), parts_->next_sweep); }

void Card::on_timeout(Instant now) {
  Parts& parts = *parts_;
  parts.services.on_timeout(now, parts.card_frames);
  parts.flush_card_frames(now);
  if (now < parts.next_sweep) return;
  parts.connections.sweep(parts.connections.slots_used() / kSweepRounds + 1, now);
  parts.next_sweep = Instant::never();
  parts.schedule_sweep(now);
}

std::optional<ForwardedDns> Card::take_forwarded_dns() { return parts_->services.take_forwarded_dns(); }

void Card::on_dns_answer(Instant now, ConstBytes message) {
  parts_->services.on_dns_answer(now, message, parts_->card_frames);
  parts_->flush_card_frames(now);
}

void Card::set_has_host_resolver(bool has) { parts_->services.set_has_host_resolver(has); }

contract::CardReport Card::report() const {
  const Parts& parts = *parts_;
  contract::CardReport report;
  report.revision = parts.revision;
  report.flows = parts.flows.size();
  report.tracked_connections = parts.connections.size();
  report.flow_cache_hits = parts.hits;
  report.flow_cache_misses = parts.misses;
  report.underlay = parts.underlay_counters;
  parts.tables.for_each_host(
      [&](const RemoteHost& host) { report.hosts.push_back({host.program.id, host.sent_frames, host.mtu}); });
  parts.tables.for_each_interface([&](const Interface& interface) {
    if (interface.is_elsewhere) return;
    if (interface.is_entrance) {
      for (std::size_t reason = 1; reason < kDropReasonCount; ++reason)
        if (interface.drops[reason] != 0)
          report.underlay.drops[std::string(name_of(static_cast<DropReason>(reason)))] +=
              interface.drops[reason];
      return;
    }
    contract::InterfaceCounters counters;
    counters.id = interface.id;
    counters.port_attached = interface.port != nullptr;
    counters.port = port_report(interface);
    counters.sent_packets = interface.sent_packets;
    counters.sent_bytes = interface.sent_bytes;
    counters.received_packets = interface.received_packets;
    counters.received_bytes = interface.received_bytes;
    counters.tracked_connections = parts.connections.count(interface.handle);
    for (std::size_t reason = 1; reason < kDropReasonCount; ++reason)
      if (interface.drops[reason] != 0)
        counters.drops.emplace(name_of(static_cast<DropReason>(reason)), interface.drops[reason]);
    report.interfaces.push_back(std::move(counters));
  });
  return report;
}

contract::TraceReport Card::trace(const TraceSpec& spec, Instant now) {
  Parts& parts = *parts_;
  contract::TraceReport report;
  Interface* from = parts.tables.find_interface(spec.from);
  if (from == nullptr) {
    name_drop(report, DropReason::kNotProgrammed);
    return report;
  }
  report.sender = {.interface = from->id, .port = port_report(*from)};
  std::vector<std::uint8_t> bytes = make_trace_frame(spec, *from);
  const Frame frame{bytes, {}};
  Walk walk{parts.state, now, {}, from, nullptr, frame, {}};
  walk.traced = true;
  walk.reason = parse(frame, *from, now, false, walk.packet);
  const auto finish = [&](std::string_view stage, StageResult result) {
    add_step(report, stage, result, walk);
    walk.detail.clear();
    if (result == StageResult::kDrop) name_drop(report, walk.reason);
    return result == StageResult::kPass;
  };
  if (!finish("parse", walk.reason == DropReason::kNone ? StageResult::kPass : StageResult::kDrop))
    return report;
  const bool known = parts.flows.find(walk.packet.key, parts.flows.hash(walk.packet.key)) != nullptr;
  walk.detail =
      known ? "known: its packets skip the stages below" : "not known: its first packet walks all stages";
  finish("flow_cache", StageResult::kPass);
  const auto run = [&](std::span<const Stage> pipeline) {
    for (const Stage& stage : pipeline) {
      const StageResult result = stage.run(walk);
      report.delivered |= result == StageResult::kConsumed;
      if (!finish(stage.name, result)) return false;
    }
    return true;
  };
  if (!run(egress_pipeline())) return report;
  parts.tables.resolve(*walk.to);
  const bool is_elsewhere = walk.to->is_elsewhere;
  if (!run(is_elsewhere ? carrier_pipeline() : ingress_pipeline())) return report;
  report.steps.back().verdict = is_elsewhere ? "send" : "deliver";
  report.delivered = true;
  if (!is_elsewhere && walk.to->port != nullptr)
    report.receiver = {.interface = walk.to->id,
                       .port = port_report(*walk.to),
                       .receive_queue = walk.to->port->receive_queue_of(frame)};
  return report;
}

void Card::add_capture(CaptureSink* sink, std::vector<NetworkInterfaceId> interfaces) {
  parts_->captures.push_back({sink, std::move(interfaces)});
  parts_->place_captures();
}

void Card::remove_capture(CaptureSink* sink) {
  std::erase_if(parts_->captures, [sink](const Parts::Capture& capture) { return capture.sink == sink; });
  parts_->place_captures();
}

void Card::Parts::place_captures() {
  tables.for_each_interface([](Interface& interface) { interface.captures.clear(); });
  for (const Capture& wanted : captures)
    for (const NetworkInterfaceId& id : wanted.interfaces)
      if (Interface* interface = tables.find_interface(id)) interface->captures.push_back(wanted.sink);
}

void Card::Parts::capture(const Interface& interface, bool from_instance, Instant now, const Frame& frame,
                          DropReason reason) const {
  for (CaptureSink* sink : interface.captures)
    sink->on_frame(interface.id, from_instance, now, frame,
                   reason == DropReason::kNone ? std::string_view{} : name_of(reason));
}

}  // namespace enid::card
