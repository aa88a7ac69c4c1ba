#include "card/packet_trace.h"

#include <algorithm>

#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace enid::card {
namespace {

namespace ip_protocol = wire::ip_protocol;
constexpr std::uint16_t kEphemeralPort = 49152;  // RFC 6335: the first dynamic port.

std::size_t l4_header_bytes(std::uint8_t protocol) {
  switch (protocol) {
    case ip_protocol::kTcp:
      return wire::TcpHeader::kBytesMin;
    case ip_protocol::kUdp:
      return wire::UdpHeader::kBytes;
    case ip_protocol::kIcmp:
      return wire::IcmpHeader::kBytes;
    default:
      return 0;
  }
}

void write_l4(const TraceSpec& spec, std::uint16_t source_port, Bytes l4) {
  if (spec.protocol == ip_protocol::kTcp) {
    wire::TcpHeader header;
    header.source_port = source_port;
    header.destination_port = spec.target_port;
    header.flags = wire::tcp_flag::kSyn;
    header.write(l4);
  } else if (spec.protocol == ip_protocol::kUdp) {
    wire::UdpHeader header;
    header.source_port = source_port;
    header.destination_port = spec.target_port;
    header.bytes = static_cast<std::uint16_t>(l4.size());
    header.write(l4);
  } else if (spec.protocol == ip_protocol::kIcmp) {
    wire::IcmpHeader header;
    header.type = wire::icmp_type::kEchoRequest;
    header.identifier = source_port;
    header.write(l4);
  }
}

}  // namespace

std::vector<std::uint8_t> make_trace_frame(const TraceSpec& spec, const Interface& from) {
  Ipv4Address source = spec.source;
  if (source.value == 0) {
    if (from.program.addresses.empty()) return {};
    source = from.program.addresses.front();
  }
  const std::uint16_t source_port = spec.source_port != 0 ? spec.source_port : kEphemeralPort;
  constexpr std::size_t kHeaders = wire::EthernetHeader::kBytes + wire::Ipv4Header::kBytesMin;
  const std::size_t payload = std::min<std::size_t>(
      spec.payload_bytes, 65535 - wire::Ipv4Header::kBytesMin - wire::TcpHeader::kBytesMin);
  std::vector<std::uint8_t> frame(kHeaders + l4_header_bytes(spec.protocol) + payload);
  wire::EthernetHeader{kRouterMac, from.program.mac, wire::ether_type::kIpv4}.write(frame);
  wire::Ipv4Header ip;
  ip.total_bytes = static_cast<std::uint16_t>(frame.size() - wire::EthernetHeader::kBytes);
  ip.fragment = wire::Ipv4Header::kDontFragment;
  ip.protocol = spec.protocol;
  ip.source = source;
  ip.destination = spec.target;
  ip.write(Bytes(frame).subspan(wire::EthernetHeader::kBytes));
  write_l4(spec, source_port, Bytes(frame).subspan(kHeaders));
  return frame;
}

void add_step(contract::TraceReport& report, std::string_view stage, StageResult result, const Walk& walk) {
  contract::TraceStep step{std::string(stage), {}, walk.detail};
  switch (result) {
    case StageResult::kPass:
      step.verdict = "pass";
      break;
    case StageResult::kConsumed:
      step.verdict = "answered by the card";
      break;
    case StageResult::kDrop:
      step.verdict = "drop " + std::string(name_of(walk.reason));
      if (step.detail.empty()) step.detail = explanation_of(walk.reason);
      break;
  }
  report.steps.push_back(std::move(step));
}

contract::PortReport port_report(const Interface& interface) {
  if (interface.port == nullptr) return {};
  const PortFacts facts = interface.port->facts();
  return {.kind = std::string(facts.kind),
          .queue_pairs = facts.queue_pairs,
          .queue_pairs_in_use = facts.queue_pairs_in_use,
          .resets = facts.resets,
          .times_broken = facts.times_broken,
          .broken_because = std::string(facts.broken_because)};
}

void name_drop(contract::TraceReport& report, DropReason reason) {
  report.drop_reason = name_of(reason);
  report.drop_explanation = explanation_of(reason);
}

}  // namespace enid::card
