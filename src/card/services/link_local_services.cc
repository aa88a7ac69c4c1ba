#include "card/services/link_local_services.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/check.h"
#include "card/services/arp_responder.h"
#include "card/services/dhcp_server.h"
#include "card/services/dns_server.h"
#include "card/services/http_request.h"
#include "card/services/link_local_rate.h"
#include "card/services/metadata_server.h"
#include "card/services/service_addresses.h"
#include "card/services/service_packet.h"
#include "card/services/tcp_responder.h"
#include "card/services/time_server.h"
#include "wire/dhcp_message.h"
#include "wire/dns_message.h"
#include "wire/icmp.h"

namespace enid::card {
namespace {

constexpr std::uint16_t kTimePort = 123;
constexpr std::uint16_t kHttpPort = 80;
constexpr std::size_t kDnsLengthBytes = 2;  // RFC 1035 section 4.2.2: before each message over TCP.
constexpr Ipv4Address kBroadcast{0xffffffff};
constexpr std::size_t kTargetAddressOffset = kEthernetHeaderBytes + 16;
constexpr std::size_t kProtocolOffset = kEthernetHeaderBytes + 9;

bool is_for_service(const ServiceInterface& from, ConstBytes frame) {
  const Ipv4Address target{load_be32(&frame[kTargetAddressOffset])};
  if (kLinkLocalAddresses.contains(target) || target == from.router_address() ||
      target == from.resolver_address())
    return true;
  // A broadcast is for the DHCP server, or for nobody: the pipeline drops the rest.
  return target == kBroadcast && frame[kProtocolOffset] == wire::ip_protocol::kUdp;
}

bool is_dhcp(const ServiceInterface& from, const ServicePacket& packet) {
  return packet.protocol == wire::ip_protocol::kUdp && packet.target_port == wire::kDhcpServerPort &&
         (packet.target == kBroadcast || packet.target == from.router_address());
}

void send_dns(TcpConnection& connection, ConstBytes message) {
  std::array<std::uint8_t, kDnsLengthBytes> length;
  store_be16(length.data(), static_cast<std::uint16_t>(message.size()));
  connection.send(length);
  connection.send(message);
}

// A DHCP client that reads by a packet socket makes its kernel complain, "port unreachable", of
// every answer; services hear such complaints and do nothing.
bool is_complaint(const ServicePacket& packet) {
  if (packet.protocol != wire::ip_protocol::kIcmp) return false;
  const auto header = wire::IcmpHeader::parse(packet.payload);
  return header && wire::is_icmp_error(header->type);
}

}  // namespace

struct LinkLocalServices::Parts {
  explicit Parts(const LinkLocalOptions& options)
      : tcp(options.secret), metadata(options.secret), dns(options.secret) {
    dns.has_host_resolver = options.has_host_resolver;
  }

  ServiceVerdict on_packet(Instant now, WallTime wall, const ServiceInterface& from,
                           const ServicePacket& packet, ServiceFrames& out);

  ServiceVerdict on_metadata_segment(Instant now, WallTime wall, const ServiceInterface& from,
                                     const ServicePacket& packet, ServiceFrames& out);

  ServiceVerdict on_dns_packet(Instant now, const ServiceInterface& from, const ServicePacket& packet,
                               ServiceFrames& out);
  ServiceVerdict on_dns_segment(Instant now, const ServiceInterface& from, const ServicePacket& packet,
                                ServiceFrames& out);
  void deliver(Instant now, const DnsForwarder::Answer& answer, ServiceFrames& out);

  TcpResponder tcp;
  MetadataServer metadata;
  DnsServer dns;
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

  if (is_complaint(packet)) return ServiceVerdict::kServed;

  const ReturnPath back = ReturnPath::of(from, packet);
  if (packet.protocol == wire::ip_protocol::kUdp && packet.target == kTimeServerAddress &&
      packet.target_port == kTimePort)
    return answer_time(wall, packet, back, out);
  if (packet.protocol == wire::ip_protocol::kTcp && packet.target == kMetadataServerAddress &&
      packet.target_port == kHttpPort)
    return on_metadata_segment(now, wall, from, packet, out);
  if (packet.target_port == wire::kDnsPort &&
      (packet.target == from.resolver_address() || packet.target == kResolverLinkAddress))
    return on_dns_packet(now, from, packet, out);
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

ServiceVerdict LinkLocalServices::Parts::on_dns_packet(Instant now, const ServiceInterface& from,
                                                       const ServicePacket& packet, ServiceFrames& out) {
  if (!from.enable_dns_support) return ServiceVerdict::kServiceDisabled;
  if (packet.protocol == wire::ip_protocol::kTcp) return on_dns_segment(now, from, packet, out);
  if (packet.protocol != wire::ip_protocol::kUdp) return ServiceVerdict::kNobodyThere;
  const ReturnPath back = ReturnPath::of(from, packet);
  const DnsServer::Outcome outcome = dns.on_message(now, from, back, false, packet.payload);
  if (outcome.is_malformed) return ServiceVerdict::kMalformed;
  if (outcome.is_forwarded)
    ++counters.forwarded_dns;
  else
    write_udp(out, back, outcome.answer);
  return ServiceVerdict::kServed;
}

ServiceVerdict LinkLocalServices::Parts::on_dns_segment(Instant now, const ServiceInterface& from,
                                                        const ServicePacket& packet, ServiceFrames& out) {
  const ReturnPath back = ReturnPath::of(from, packet);
  TcpConnection* const connection = tcp.on_segment(now, back, packet, out);
  if (connection == nullptr) return ServiceVerdict::kServed;
  while (!connection->is_closing() && !connection->is_busy()) {
    const ConstBytes received = connection->received();
    const std::size_t length = received.size() < kDnsLengthBytes ? 0 : load_be16(received.data());
    if (received.size() < kDnsLengthBytes + length || received.size() < kDnsLengthBytes) {
      // A message longer than the connection's buffer never comes to an end.
      if (length > kDnsQueryBytesMax || (connection->peer_has_closed() && connection->answers_owed == 0))
        connection->close();
      break;
    }
    const DnsServer::Outcome outcome =
        dns.on_message(now, from, back, true, received.subspan(kDnsLengthBytes, length));
    connection->consume(kDnsLengthBytes + length);
    if (outcome.is_malformed) {
      connection->close();
    } else if (outcome.is_forwarded) {
      ++counters.forwarded_dns;
      ++connection->answers_owed;
    } else {
      send_dns(*connection, outcome.answer);
    }
  }
  tcp.settle(now, TcpResponder::key_of(back), out);
  return ServiceVerdict::kServed;
}

void LinkLocalServices::Parts::deliver(Instant now, const DnsForwarder::Answer& answer, ServiceFrames& out) {
  if (!answer.over_tcp) {
    write_udp(out, answer.back, answer.message);
    return;
  }
  const TcpKey key = TcpResponder::key_of(answer.back);
  TcpConnection* const connection = tcp.find(key);
  // The client may have gone, and another connection may stand at its place.
  if (connection == nullptr || connection->is_closing() || connection->answers_owed == 0) return;
  --connection->answers_owed;
  if (connection->is_busy()) {
    connection->close();  // It asks and does not read.
  } else {
    send_dns(*connection, answer.message);
    if (connection->peer_has_closed() && connection->answers_owed == 0) connection->close();
  }
  tcp.settle(now, key, out);
}

LinkLocalServices::LinkLocalServices(const LinkLocalOptions& options)
    : parts_(std::make_unique<Parts>(options)) {}
LinkLocalServices::~LinkLocalServices() = default;

ServiceVerdict LinkLocalServices::on_frame(Instant now, WallTime wall, const ServiceInterface& from,
                                           const Frame& frame, ServiceFrames& out) {
  const ConstBytes bytes = frame.bytes;
  if (bytes.size() < kEthernetHeaderBytes) return ServiceVerdict::kNotForService;
  const std::uint16_t ether_type = load_be16(&bytes[12]);
  if (ether_type == wire::ether_type::kArp) return answer_arp(from, frame, out);
  if (ether_type != wire::ether_type::kIpv4 || bytes.size() < kEthernetHeaderBytes + kIpv4HeaderBytes)
    return ServiceVerdict::kNotForService;
  if (!is_for_service(from, bytes)) return ServiceVerdict::kNotForService;
  const auto packet = ServicePacket::parse(frame);
  if (!packet) return ServiceVerdict::kMalformed;
  return parts_->on_packet(now, wall, from, *packet, out);
}

std::optional<ForwardedDns> LinkLocalServices::take_forwarded_dns() { return parts_->dns.forwarder.take(); }

void LinkLocalServices::on_dns_answer(Instant now, ConstBytes message, ServiceFrames& out) {
  if (const auto answer = parts_->dns.forwarder.on_answer(message))
    parts_->deliver(now, *answer, out);
  else
    ++parts_->counters.unmatched_dns_answers;
}

void LinkLocalServices::set_has_host_resolver(bool has) { parts_->dns.has_host_resolver = has; }

Instant LinkLocalServices::next_timeout() const {
  return std::min(parts_->tcp.next_timeout(), parts_->dns.forwarder.next_timeout());
}

void LinkLocalServices::on_timeout(Instant now, ServiceFrames& out) {
  while (const auto answer = parts_->dns.forwarder.on_timeout(now)) {
    ++parts_->counters.dns_timeouts;
    parts_->deliver(now, *answer, out);
  }
  parts_->tcp.on_timeout(now, out);
}

void LinkLocalServices::forget_interface(InterfaceHandle handle) {
  parts_->rates.erase(handle);
  parts_->tcp.forget_interface(handle);
  parts_->dns.forwarder.forget_interface(handle);
}

LinkLocalCounters LinkLocalServices::counters() const {
  LinkLocalCounters counters = parts_->counters;
  counters.tcp_connections = parts_->tcp.size();
  return counters;
}

}  // namespace enid::card
