#include "card/card.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "card/card_parts.h"
#include "card/pipelines.h"
#include "card/stages/parse.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

namespace enid::card {
namespace {

// What an interface's port may tell its instance. Lives as long as the port is attached.
class InterfaceAllowances final : public AllowanceSource {
 public:
  // `express` may become null while this lives.
  InterfaceAllowances(const Interface& interface, const flow::ConnectionTable& connections,
                      const std::unique_ptr<ExpressLinks>& express)
      : interface_(interface), connections_(connections), express_(express) {}

  Allowances allowances() const override {
    const auto drops = [&](DropReason reason) { return interface_.drops[static_cast<std::size_t>(reason)]; };
    return {.link_local_exceeded = drops(DropReason::kServiceRateExceeded),
            .connections_exceeded = drops(DropReason::kConnectionTableFull),
            .connections_available = connections_.available(interface_.handle),
            .express = express_counters(interface_, express_.get())};
  }

 private:
  const Interface& interface_;
  const flow::ConnectionTable& connections_;
  const std::unique_ptr<ExpressLinks>& express_;
};

}  // namespace

Card::Card(const CardOptions& options) : parts_(std::make_unique<Parts>(options, Random(options.seed))) {}
Card::~Card() = default;

void Card::apply(const contract::CardDelta& delta, Instant now) {
  parts_->apply_changes(delta.upserts, delta.removes, now);
  parts_->revision = delta.revision;
}

void Card::replace(const contract::CardSnapshot& snapshot, Instant now) {
  std::set<contract::EntityId> kept;
  for (const contract::Entity& entity : snapshot.entities)
    std::visit([&](const auto& program) { kept.emplace(program.id); }, entity);
  std::vector<contract::EntityId> removes = parts_->tables.all_ids();
  std::erase_if(removes, [&](const contract::EntityId& id) { return kept.contains(id); });
  parts_->apply_changes(snapshot.entities, removes, now);
  parts_->revision = snapshot.revision;
}

void Card::Parts::apply_changes(const std::vector<contract::Entity>& upserts,
                                const std::vector<contract::EntityId>& removes, Instant now) {
  bool hosts_change = false;
  for (const contract::EntityId& id : removes) {
    note_change(tables.remove(id));
    hosts_change |= std::holds_alternative<HostId>(id);
  }
  for (const contract::Entity& entity : upserts) {
    note_change(tables.upsert(entity));
    hosts_change |= std::holds_alternative<contract::HostProgram>(entity);
  }
  if (hosts_change && express != nullptr) express->sync_hosts(now);
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
  interface.allowances =
      std::make_unique<InterfaceAllowances>(interface, parts_->connections, parts_->express);
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
  flush_outputs(from.is_entrance);
  flush_card_frames(now);
  schedule_sweep(now);
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

bool Card::Parts::is_within_flow_limit(const FlowDecision& decision, const Packet& packet, Instant now) {
  const bool by_express = express != nullptr && decision.express == ExpressEligibility::kEligible;
  return flow_limits->admit(packet.key,
                            by_express ? FlowLimits::kExpressBitsPerSecond : FlowLimits::kPlainBitsPerSecond,
                            packet.wire_bytes, now);
}

void Card::Parts::leave(Bytes frame, const FlowDecision& decision) {
  std::uint8_t* bytes = frame.data();
  std::memcpy(bytes, decision.macs.data(), decision.macs.size());
  if (decision.decrement_time_to_live) {
    std::uint8_t* ip = bytes + wire::EthernetHeader::kBytes;
    const std::uint16_t before = load_be16(ip + wire::Ipv4Header::kTimeToLiveAt);  // With the protocol.
    const auto after = static_cast<std::uint16_t>(before - 0x100);
    store_be16(ip + wire::Ipv4Header::kTimeToLiveAt, after);
    store_be16(ip + wire::Ipv4Header::kChecksumAt,
               wire::checksum_update(load_be16(ip + wire::Ipv4Header::kChecksumAt), before, after));
  }
}

void Card::Parts::deliver(Interface& from, Interface& to, const FlowDecision& decision, std::size_t i,
                          Instant now) {
  Frame& frame = batch.frames[i];
  if (!from.captures.empty()) [[unlikely]]
    capture(from, true, now, frame, DropReason::kNone);
  if (flow_limits != nullptr && !from.is_entrance && !is_within_flow_limit(decision, batch.packets[i], now))
      [[unlikely]]
    return drop(from, DropReason::kSingleFlowLimit, batch.packets[i].segments);
  leave(frame.bytes, decision);
  if (to.is_elsewhere) return carry_to_host(from, to, decision, i, now);
  if (!to.captures.empty()) [[unlikely]]
    capture(to, false, now, frame, DropReason::kNone);
  if (to.output_count == 0) outputs.push_back(&to);
  to.output->frames[to.output_count] = frame;
  to.output->places[to.output_count++] = static_cast<std::uint8_t>(i);
  to.received_packets += batch.packets[i].segments;
  to.received_bytes += batch.packets[i].wire_bytes;
  if (from.is_entrance && batch.by_srd[i]) to.express.rx_pkts += batch.packets[i].segments;
}

// What came from another host came cut.
void Card::Parts::merge_output(Interface& to) {
  Output& output = *to.output;
  const auto joined = merger.merge({output.frames.data(), to.output_count});
  if (joined.empty()) return;
  std::array<bool, kBatchFrames> is_gone{};
  for (const FrameMerger::Joined& each : joined) {
    is_gone[each.segment] = true;
    Packet& into = batch.packets[output.places[each.into]];
    const Packet& segment = batch.packets[output.places[each.segment]];
    into.segments = static_cast<std::uint16_t>(into.segments + segment.segments);
    into.wire_bytes += segment.wire_bytes;
  }
  std::size_t left = 0;
  for (std::size_t i = 0; i < to.output_count; ++i) {
    if (is_gone[i]) continue;
    output.frames[left] = output.frames[i];
    output.places[left++] = output.places[i];
  }
  to.output_count = left;
}

void Card::Parts::flush_outputs(bool may_merge) {
  for (RemoteHost* host : host_outputs) flush_host(*host);
  host_outputs.clear();
  for (Interface* to : outputs) {
    if (may_merge && to->output_count > 1 && to->port->likes_super_frames()) merge_output(*to);
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

Instant Card::next_timeout() const {
  const Instant next = std::min(parts_->services.next_timeout(), parts_->next_sweep);
  return parts_->express == nullptr ? next : std::min(next, parts_->express->next_timeout());
}

void Card::on_timeout(Instant now) {
  Parts& parts = *parts_;
  parts.services.on_timeout(now, parts.card_frames);
  parts.flush_card_frames(now);
  if (parts.express != nullptr) parts.on_express_timeout(now);
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
