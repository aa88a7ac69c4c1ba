// What a card reports: contract/card_report.h <-> protobuf.
#include "cluster/conversions.h"

namespace enid::cluster {
namespace {

void fill(const contract::PortReport& port, v1::Port& out) {
  out.set_kind(port.kind);
  out.set_queue_pairs(port.queue_pairs);
  out.set_queue_pairs_in_use(port.queue_pairs_in_use);
  out.set_resets(port.resets);
  out.set_times_broken(port.times_broken);
  out.set_broken_because(port.broken_because);
}

Result<contract::PortReport> from(const v1::Port& in) {
  return contract::PortReport{
      .kind = in.kind(),
      .queue_pairs = TRY(narrow<std::uint16_t>(in.queue_pairs(), "a number of queue pairs")),
      .queue_pairs_in_use = TRY(narrow<std::uint16_t>(in.queue_pairs_in_use(), "a number of queue pairs")),
      .resets = in.resets(),
      .times_broken = in.times_broken(),
      .broken_because = in.broken_because()};
}

void fill(const contract::InterfaceCounters& counters, v1::InterfaceCounters& out) {
  out.set_id(counters.id.text());
  out.set_port_attached(counters.port_attached);
  fill(counters.port, *out.mutable_port());
  out.set_sent_packets(counters.sent_packets);
  out.set_sent_bytes(counters.sent_bytes);
  out.set_received_packets(counters.received_packets);
  out.set_received_bytes(counters.received_bytes);
  out.set_tracked_connections(counters.tracked_connections);
  out.mutable_drops()->insert(counters.drops.begin(), counters.drops.end());
  out.set_ena_express_mode(counters.ena_express.mode);
  out.set_ena_express_tx_pkts(counters.ena_express.tx_pkts);
  out.set_ena_express_eligible_tx_pkts(counters.ena_express.eligible_tx_pkts);
  out.set_ena_express_rx_pkts(counters.ena_express.rx_pkts);
  out.set_ena_express_resource_utilization(counters.ena_express.resource_utilization);
}

Result<contract::InterfaceCounters> from(const v1::InterfaceCounters& in) {
  contract::InterfaceCounters counters{.id = TRY(id_from<NetworkInterfaceId>(in.id(), "network interface")),
                                       .port_attached = in.port_attached(),
                                       .port = TRY(from(in.port())),
                                       .sent_packets = in.sent_packets(),
                                       .sent_bytes = in.sent_bytes(),
                                       .received_packets = in.received_packets(),
                                       .received_bytes = in.received_bytes(),
                                       .tracked_connections = in.tracked_connections(),
                                       .drops = {in.drops().begin(), in.drops().end()}};
  counters.ena_express = {.mode = TRY(narrow<std::uint8_t>(in.ena_express_mode(), "a mode of ENA Express")),
                          .tx_pkts = in.ena_express_tx_pkts(),
                          .eligible_tx_pkts = in.ena_express_eligible_tx_pkts(),
                          .rx_pkts = in.ena_express_rx_pkts(),
                          .resource_utilization = in.ena_express_resource_utilization()};
  return counters;
}

void fill(const contract::UnderlayCounters& counters, v1::UnderlayCounters& out) {
  out.set_received_frames(counters.received_frames);
  out.set_malformed(counters.malformed);
  out.set_unknown_host(counters.unknown_host);
  out.set_unknown_vpc(counters.unknown_vpc);
  out.set_moved_notices_sent(counters.moved_notices_sent);
  out.set_moved_notices_received(counters.moved_notices_received);
  out.mutable_drops()->insert(counters.drops.begin(), counters.drops.end());
}

contract::UnderlayCounters from(const v1::UnderlayCounters& in) {
  return {.received_frames = in.received_frames(),
          .malformed = in.malformed(),
          .unknown_host = in.unknown_host(),
          .unknown_vpc = in.unknown_vpc(),
          .moved_notices_sent = in.moved_notices_sent(),
          .moved_notices_received = in.moved_notices_received(),
          .drops = {in.drops().begin(), in.drops().end()}};
}

void fill(const contract::TraceEnd& end, v1::TraceEnd& out) {
  out.set_interface(end.interface.text());
  fill(end.port, *out.mutable_port());
  if (end.receive_queue) out.set_receive_queue(*end.receive_queue);
}

Result<contract::TraceEnd> from(const v1::TraceEnd& in) {
  contract::TraceEnd end{.interface = TRY(id_from<NetworkInterfaceId>(in.interface(), "network interface")),
                         .port = TRY(from(in.port()))};
  if (in.has_receive_queue()) end.receive_queue = TRY(narrow<std::uint16_t>(in.receive_queue(), "a queue"));
  return end;
}

}  // namespace

void to_proto(const contract::OnwardTrace& onward, v1::OnwardTrace& out) {
  out.set_host(onward.host.text());
  out.set_vni(onward.vni);
  out.set_carrier(onward.carrier);
  out.set_carrier_reason(onward.carrier_reason);
  out.set_frame(onward.frame.data(), onward.frame.size());
}

Result<contract::OnwardTrace> from_proto(const v1::OnwardTrace& in) {
  return contract::OnwardTrace{.host = TRY(host_id_from(in.host())),
                               .vni = in.vni(),
                               .carrier = in.carrier(),
                               .carrier_reason = in.carrier_reason(),
                               .frame = {in.frame().begin(), in.frame().end()}};
}

void to_proto(const contract::CardReport& report, v1::CardReport& out) {
  out.set_revision(report.revision);
  out.set_flows(report.flows);
  out.set_tracked_connections(report.tracked_connections);
  out.set_flow_cache_hits(report.flow_cache_hits);
  out.set_flow_cache_misses(report.flow_cache_misses);
  for (const auto& interface : report.interfaces) fill(interface, *out.add_interfaces());
  for (const contract::HostCounters& host : report.hosts) {
    v1::HostCounters& to = *out.add_hosts();
    to.set_id(host.id.text());
    to.set_sent_frames(host.sent_frames);
    to.set_mtu(host.mtu);
    to.set_srd_established(host.srd_established);
  }
  fill(report.underlay, *out.mutable_underlay());
  out.mutable_ena_express()->insert(report.ena_express.begin(), report.ena_express.end());
}

Result<contract::CardReport> from_proto(const v1::CardReport& in) {
  contract::CardReport report;
  report.revision = in.revision();
  report.flows = in.flows();
  report.tracked_connections = in.tracked_connections();
  report.flow_cache_hits = in.flow_cache_hits();
  report.flow_cache_misses = in.flow_cache_misses();
  for (const auto& interface : in.interfaces()) report.interfaces.push_back(TRY(from(interface)));
  for (const auto& host : in.hosts())
    report.hosts.push_back({.id = TRY(host_id_from(host.id())),
                            .sent_frames = host.sent_frames(),
                            .mtu = TRY(narrow<std::uint16_t>(host.mtu(), "an MTU")),
                            .srd_established = host.srd_established()});
  report.underlay = from(in.underlay());
  report.ena_express = {in.ena_express().begin(), in.ena_express().end()};
  return report;
}

void to_proto(const contract::TraceReport& report, v1::TraceReport& out) {
  out.set_delivered(report.delivered);
  out.set_drop_reason(report.drop_reason);
  out.set_drop_explanation(report.drop_explanation);
  for (const contract::TraceStep& step : report.steps) {
    v1::TraceStep& to = *out.add_steps();
    to.set_stage(step.stage);
    to.set_verdict(step.verdict);
    to.set_detail(step.detail);
  }
  if (report.sender) fill(*report.sender, *out.mutable_sender());
  if (report.receiver) fill(*report.receiver, *out.mutable_receiver());
  if (report.onward) to_proto(*report.onward, *out.mutable_onward());
}

Result<contract::TraceReport> from_proto(const v1::TraceReport& in) {
  contract::TraceReport report;
  report.delivered = in.delivered();
  report.drop_reason = in.drop_reason();
  report.drop_explanation = in.drop_explanation();
  for (const auto& step : in.steps()) report.steps.push_back({step.stage(), step.verdict(), step.detail()});
  if (in.has_sender()) report.sender = TRY(from(in.sender()));
  if (in.has_receiver()) report.receiver = TRY(from(in.receiver()));
  if (in.has_onward()) report.onward = TRY(from_proto(in.onward()));
  return report;
}

}  // namespace enid::cluster
