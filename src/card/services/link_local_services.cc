#include "card/services/link_local_services.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "card/services/arp_responder.h"
#include "card/services/dhcp_server.h"
#include "card/services/http_request.h"
#include "card/services/link_local_rate.h"
#include "card/services/metadata_server.h"
#include "card/services/service_addresses.h"
#include "card/services/service_packet.h"
#include "card/services/tcp_responder.h"
#include "card/services/time_server.h"
#include "wire/dhcp_message.h"

namespace enid::card {
namespace {

constexpr std::uint16_t kTimePort = 123;
constexpr std::uint16_t kHttpPort = 80;
constexpr Ipv4Address kBroadcast{0xffffffff};
constexpr std::size_t kTargetAddressOffset = kEthernetHeaderBytes + 16;
constexpr std::size_t kProtocolOffset = kEthernetHeaderBytes + 9;

bool is_for_service(const ServiceInterface& from, ConstBytes frame) {
  const Ipv4Address target{load_be32(&frame[kTargetAddressOffset])};
  if (kLinkLocalAddresses.contains(target) || target == from.router_address() ||
      target == from.resolver_address())
    return true;
  // A broadcast is for the DHCP server, or for nobody: the pipeline drops the rest.
  return target == kBroadcast && frame[kProtocolOffset] == kProtocolUdp;
}

bool is_dhcp(const ServiceInterface& from, const ServicePacket& packet) {
  return packet.protocol == kProtocolUdp && packet.target_port == wire::kDhcpServerPort &&
         (packet.target == kBroadcast || packet.target == from.router_address());
}

}  // namespace

struct LinkLocalServices::Parts {
  explicit Parts(const LinkLocalOptions& given) : options(given), tcp(given.secret), metadata(given.secret) {}

  ServiceVerdict on_packet(Instant now, WallTime wall, const ServiceInterface& from,
                           const ServicePacket& packet, ServiceFrames& out);

  ServiceVerdict on_metadata_segment(Instant now, WallTime wall, const ServiceInterface& from,
                                     const ServicePacket& packet, ServiceFrames& out);

  LinkLocalOptions options;
  TcpResponder tcp;
  MetadataServer metadata;
  std::map<InterfaceHandle, LinkLocalRate> rates;
  LinkLocalCounters counters;
};

ServiceVerdict LinkLocalServices::Parts::on_packet(Instant now, WallTime wall, const ServiceInterface& from,
                                                   const ServicePacket& packet, ServiceFrames& out) {
  if (is_dhcp(from, packet)) return answer_dhcp(from, packet, out);
  if (packet.target == kBroadcast) return ServiceVerdict::kNotForService;
  if (packet.target_mac != from.router_mac) return ServiceVerdict::kNobodyThere;
  if (!rates[from.handle].take(now)) return ServiceVerdict::kRateExceeded;
  if (from.source_dest_check && !from.owns(packet.source)) return ServiceVerdict::kForeignSource;

  const ReturnPath back = ReturnPath::of(from, packet);
  if (packet.protocol == kProtocolUdp && packet.target == kTimeServerAddress &&
      packet.target_port == kTimePort)
    return answer_time(wall, packet, back, out);
  if (packet.protocol == kProtocolTcp && packet.target == kMetadataServerAddress &&
      packet.target_port == kHttpPort)
    return on_metadata_segment(now, wall, from, packet, out);
  return ServiceVerdict::kNobodyThere;
}

ServiceVerdict LinkLocalServices::Parts::on_metadata_segment(Instant now, WallTime wall,
                                                             const ServiceInterface& from,
                                                             const ServicePacket& packet,
                                                             ServiceFrames& out) {
  if (from.instance == nullptr) return ServiceVerdict::kNobodyThere;
  const ReturnPath back = ReturnPath::of(from, packet);
  TcpConnection* const connection = tcp.on_segment(now, back, packet, out);
  if (connection == nullptr) return ServiceVerdict::kServed;
  while (!connection->is_closing() && !connection->is_busy()) {
    const HttpRead read = read_http_request(connection->received());
    if (read.state == HttpReadState::kIncomplete) {
      if (connection->peer_has_closed()) connection->close();
      break;
    }
    const MetadataServer::Answer answer = metadata.answer(wall, *from.instance, read);
    connection->set_time_to_live(answer.time_to_live);
    connection->send(as_bytes(answer.text));
    connection->consume(read.bytes);
    if (answer.close) connection->close();
  }
  tcp.settle(now, TcpResponder::key_of(back), out);
  return ServiceVerdict::kServed;
}

LinkLocalServices::LinkLocalServices(const LinkLocalOptions& options)
    : parts_(std::make_unique<Parts>(options)) {}
LinkLocalServices::~LinkLocalServices() = default;

ServiceVerdict LinkLocalServices::on_frame(Instant now, WallTime wall, const ServiceInterface& from,
                                           const Frame& frame, ServiceFrames& out) {
  const ConstBytes bytes = frame.bytes;
  if (bytes.size() < kEthernetHeaderBytes) return ServiceVerdict::kNotForService;
  const std::uint16_t ether_type = load_be16(&bytes[12]);
  if (ether_type == kEtherTypeArp) return answer_arp(from, frame, out);
  if (ether_type != kEtherTypeIpv4 || bytes.size() < kEthernetHeaderBytes + kIpv4HeaderBytes)
    return ServiceVerdict::kNotForService;
  if (!is_for_service(from, bytes)) return ServiceVerdict::kNotForService;
  const auto packet = ServicePacket::parse(frame);
  if (!packet) return ServiceVerdict::kMalformed;
  return parts_->on_packet(now, wall, from, *packet, out);
}

std::optional<ForwardedDns> LinkLocalServices::take_forwarded_dns() { return std::nullopt; }

void LinkLocalServices::on_dns_answer(Instant, ConstBytes, ServiceFrames&) {
  ++parts_->counters.unmatched_dns_answers;
}

void LinkLocalServices::set_has_host_resolver(bool has) { parts_->options.has_host_resolver = has; }

Instant LinkLocalServices::next_timeout() const { return parts_->tcp.next_timeout(); }

void LinkLocalServices::on_timeout(Instant now, ServiceFrames& out) { parts_->tcp.on_timeout(now, out); }

void LinkLocalServices::forget_interface(InterfaceHandle handle) {
  parts_->rates.erase(handle);
  parts_->tcp.forget_interface(handle);
}

LinkLocalCounters LinkLocalServices::counters() const {
  LinkLocalCounters counters = parts_->counters;
  counters.tcp_connections = parts_->tcp.size();
  return counters;
}

}  // namespace enid::card
