// What the card says about itself: counters, and the way of a marked packet.
#include <algorithm>
#include <utility>

#include "card/card_parts.h"
#include "card/packet_trace.h"
#include "card/pipelines.h"
#include "card/stages/parse.h"

namespace enid::card {
namespace {

std::map<std::string, std::uint64_t> express_report(const ExpressLinks& express) {
  std::map<std::string, std::uint64_t> report;
  const auto add = [&](std::string name, std::uint64_t count) {
    std::ranges::replace(name, ' ', '_');
    if (count != 0) report[name] = count;
  };
  const ExpressLinkCounters links = express.counters();
  for (std::size_t i = 1; i < kExpressFallbackCount; ++i)
    add("fallback_" + std::string(name_of(static_cast<ExpressFallback>(i))), links.fallbacks[i]);
  add("messages_malformed", links.malformed);
  add("messages_unknown_vpc", links.unknown_vpc);
  add("reorder_held", links.reorder.held);
  add("reorder_given_up", links.reorder.given_up);
  add("reorder_no_room", links.reorder.no_room);
  add("reorder_late", links.reorder.late);
  const srd::CarrierCounters& srd = express.carrier().counters();
  add("srd_messages_delivered", srd.messages.messages_delivered);
  add("srd_messages_refused", srd.messages.messages_refused);
  add("srd_messages_unknown", srd.messages.messages_unknown);
  add("srd_messages_never_sent", srd.messages.messages_never_sent);
  add("srd_datagrams_sent", srd.datagrams_sent);
  add("srd_datagrams_received", srd.datagrams_received);
  const srd::RepairCounters repairs = express.carrier().repairs();
  add("srd_retransmissions_by_gap", repairs.retransmissions_by_gap);
  add("srd_retransmissions_by_timer", repairs.retransmissions_by_timer);
  add("srd_tail_probes", repairs.tail_probes);
  add("srd_retransmission_timeouts", repairs.retransmission_timeouts);
  add("srd_spurious_retransmissions", repairs.spurious_retransmissions);
  add("srd_paths_died", repairs.slots_died);
  add("srd_dropped_malformed", srd.dropped_malformed);
  add("srd_dropped_stranger", srd.dropped_stranger);
  add("srd_misdirected", srd.misdirected);
  add("srd_underlay_full", srd.underlay_full);
  for (std::size_t i = 1; i < srd::kDropReasons; ++i)
    add("srd_dropped_" + std::string(srd::name_of(static_cast<srd::DropReason>(i))), srd.dropped[i]);
  return report;
}

void add_drops(const Interface& interface, std::map<std::string, std::uint64_t>& drops) {
  for (std::size_t reason = 1; reason < kDropReasonCount; ++reason)
    if (interface.drops[reason] != 0)
      drops[std::string(name_of(static_cast<DropReason>(reason)))] += interface.drops[reason];
}

}  // namespace

contract::EnaExpressCounters express_counters(const Interface& interface, const ExpressLinks* express) {
  contract::EnaExpressCounters counters = interface.express;
  counters.mode = express_mode(interface.program.ena_express);
  if (express != nullptr) counters.resource_utilization = express->utilization_percent();
  return counters;
}

contract::CardReport Card::report() const {
  const Parts& parts = *parts_;
  contract::CardReport report;
  report.revision = parts.revision;
  report.flows = parts.flows.size();
  report.tracked_connections = parts.connections.size();
  report.flow_cache_hits = parts.hits;
  report.flow_cache_misses = parts.misses;
  report.underlay = parts.underlay_counters;
  parts.tables.for_each_host([&](const RemoteHost& host) {
    report.hosts.push_back({host.program.id, host.sent_frames, host.mtu,
                            parts.express != nullptr && parts.express->is_established(host.express)});
  });
  if (parts.express != nullptr) report.ena_express = express_report(*parts.express);
  parts.tables.for_each_interface([&](const Interface& interface) {
    if (interface.is_elsewhere) return;
    if (interface.is_entrance) return add_drops(interface, report.underlay.drops);
    contract::InterfaceCounters counters;
    counters.id = interface.id;
    counters.port_attached = interface.port != nullptr;
    counters.port = port_report(interface);
    counters.sent_packets = interface.sent_packets;
    counters.sent_bytes = interface.sent_bytes;
    counters.received_packets = interface.received_packets;
    counters.received_bytes = interface.received_bytes;
    counters.tracked_connections = parts.connections.count(interface.handle);
    add_drops(interface, counters.drops);
    counters.ena_express = express_counters(interface, parts.express.get());
    report.interfaces.push_back(std::move(counters));
  });
  return report;
}

// One traced packet: its walk, and what is told of it.
class Card::Parts::Tracing {
 public:
  Tracing(Parts& parts, Interface& from, const Frame& frame, Instant now)
      : parts_(parts), walk_{parts.state, now, {}, &from, nullptr, frame, {}} {
    walk_.traced = true;
  }

  // False: the packet goes no further.
  bool parse_frame() {
    walk_.reason = parse(walk_.frame, *walk_.from, walk_.now, false, walk_.packet);
    if (!finish("parse", walk_.reason == DropReason::kNone ? StageResult::kPass : StageResult::kDrop))
      return false;
    const bool known = parts_.flows.find(walk_.packet.key, parts_.flows.hash(walk_.packet.key)) != nullptr;
    walk_.detail =
        known ? "known: its packets skip the stages below" : "not known: its first packet walks all stages";
    return finish("flow_cache", StageResult::kPass);
  }
  bool run(std::span<const Stage> pipeline) {
    for (const Stage& stage : pipeline) {
      const StageResult result = stage.run(walk_);
      report.delivered |= result == StageResult::kConsumed;
      if (!finish(stage.name, result)) return false;
    }
    return true;
  }
  // After the pipeline that found the receiver.
  void go_on() {
    parts_.tables.resolve(*walk_.to);
    const bool is_elsewhere = walk_.to->is_elsewhere;
    if (!run(is_elsewhere ? carrier_pipeline() : ingress_pipeline())) return;
    report.steps.back().verdict = is_elsewhere ? "send" : "deliver";
    report.delivered = true;
    if (is_elsewhere) {
      tell_onward();
    } else if (walk_.to->port != nullptr) {
      report.receiver = {.interface = walk_.to->id,
                         .port = port_report(*walk_.to),
                         .receive_queue = walk_.to->port->receive_queue_of(walk_.frame)};
    }
  }

  contract::TraceReport report;

 private:
  bool finish(std::string_view stage, StageResult result) {
    add_step(report, stage, result, walk_);
    walk_.detail.clear();
    if (result == StageResult::kDrop) name_drop(report, walk_.reason);
    return result == StageResult::kPass;
  }
  void tell_onward() {
    leave(walk_.frame.bytes, walk_.decision);
    contract::OnwardTrace& onward = report.onward.emplace();
    onward.host = walk_.to->remote->program.id;
    onward.vni = walk_.from->vpc->program.vni;
    onward.carrier = walk_.by_srd ? "srd" : "geneve";
    onward.carrier_reason = walk_.carrier_reason;
    onward.frame.assign(walk_.frame.bytes.begin(), walk_.frame.bytes.end());
  }

  Parts& parts_;
  Walk walk_;
};

contract::TraceReport Card::trace(const TraceSpec& spec, Instant now) {
  Interface* from = parts_->tables.find_interface(spec.from);
  if (from == nullptr) {
    contract::TraceReport report;
    name_drop(report, DropReason::kNotProgrammed);
    return report;
  }
  std::vector<std::uint8_t> bytes = make_trace_frame(spec, *from);
  const Frame frame{bytes, {}};
  Parts::Tracing tracing(*parts_, *from, frame, now);
  tracing.report.sender = {.interface = from->id, .port = port_report(*from)};
  if (tracing.parse_frame() && tracing.run(egress_pipeline())) tracing.go_on();
  return std::move(tracing.report);
}

contract::TraceReport Card::trace_entering(const contract::OnwardTrace& packet, Instant now) {
  Interface* entrance = parts_->tables.entrance_of(packet.vni);
  if (entrance == nullptr) {
    contract::TraceReport report;
    name_drop(report, DropReason::kNoRoute);
    return report;
  }
  std::vector<std::uint8_t> bytes = packet.frame;
  const Frame frame{bytes, {}};
  Parts::Tracing tracing(*parts_, *entrance, frame, now);
  if (tracing.parse_frame() && tracing.run(entrance_pipeline())) tracing.go_on();
  return std::move(tracing.report);
}

}  // namespace enid::card
