#include "card/services/dhcp_server.h"

#include <string>

#include "card/services/private_dns_name.h"
#include "wire/dhcp_message.h"

namespace enid::card {
namespace {

using wire::DhcpMessageType;
using wire::DhcpOption;

constexpr std::uint32_t kLeaseSeconds = 3600;
constexpr Ipv4Address kBroadcast{0xffffffff};

enum class Answer : std::uint8_t { kNone, kOffer, kAcknowledge, kConfiguration, kRefuse };

// RFC 2131 section 4.3.2: the three kinds of DHCPREQUEST differ in what they carry.
Answer answer_to_request(const ServiceInterface& from, const wire::DhcpRequest& request) {
  if (request.server_identifier && *request.server_identifier != from.router_address()) return Answer::kNone;
  const Ipv4Address wanted = request.requested_address.value_or(request.client_address);
  return wanted == from.addresses.front() ? Answer::kAcknowledge : Answer::kRefuse;
}

Answer answer_to(const ServiceInterface& from, const wire::DhcpRequest& request) {
  switch (request.type) {
    case DhcpMessageType::kDiscover:
      return Answer::kOffer;
    case DhcpMessageType::kRequest:
      return answer_to_request(from, request);
    case DhcpMessageType::kInform:
      return from.owns(request.client_address) ? Answer::kConfiguration : Answer::kNone;
    default:  // A release or a decline changes nothing; the rest is a server's.
      return Answer::kNone;
  }
}

DhcpMessageType type_of(Answer answer) {
  if (answer == Answer::kOffer) return DhcpMessageType::kOffer;
  return answer == Answer::kRefuse ? DhcpMessageType::kRefuse : DhcpMessageType::kAcknowledge;
}

void add_lease(wire::DhcpReplyWriter& reply, Ipv4Address address) {
  reply.set_your_address(address);
  reply.add_u32(DhcpOption::kLeaseTime, kLeaseSeconds);
  reply.add_u32(DhcpOption::kRenewalTime, kLeaseSeconds / 2);
  reply.add_u32(DhcpOption::kRebindingTime, kLeaseSeconds / 8 * 7);
}

void add_configuration(wire::DhcpReplyWriter& reply, const ServiceInterface& from) {
  reply.add(DhcpOption::kSubnetMask, Ipv4Address{from.subnet.mask()});
  reply.add(DhcpOption::kRouter, from.router_address());
  reply.add(DhcpOption::kDomainNameServer, from.resolver_address());
  reply.add_text(DhcpOption::kHostName, private_dns_label(from.addresses.front()));
  reply.add_text(DhcpOption::kDomainName, from.private_dns_domain);
  reply.add_u16(DhcpOption::kInterfaceMtu, from.mtu);
  reply.add(DhcpOption::kBroadcastAddress, Ipv4Address{from.subnet.address.value | ~from.subnet.mask()});
}

// RFC 2131 section 4.1: where the answer goes.
ReturnPath path_to(const ServiceInterface& from, const wire::DhcpRequest& request, Answer answer) {
  ReturnPath path{.to = from.handle,
                  .source_mac = from.router_mac,
                  .target_mac = from.mac,
                  .source = from.router_address(),
                  .target = from.addresses.front(),
                  .source_port = wire::kDhcpServerPort,
                  .target_port = wire::kDhcpClientPort,
                  .mtu = from.mtu};
  if (answer != Answer::kRefuse && request.client_address.value != 0) {
    path.target = request.client_address;
  } else if (answer == Answer::kRefuse || request.broadcast) {
    path.target = kBroadcast;
    path.target_mac = wire::kBroadcastMac;
  }
  return path;
}

}  // namespace

ServiceVerdict answer_dhcp(const ServiceInterface& from, const ServicePacket& packet, ServiceFrames& out) {
  const auto request = wire::DhcpRequest::parse(packet.payload);
  if (!request) return ServiceVerdict::kMalformed;
  if (request->client_mac != from.mac) return ServiceVerdict::kForeignSource;
  // No relay agents stand in a VPC; an answer to one would leave the interface.
  if (request->relay_address.value != 0 || !from.has_primary_address()) return ServiceVerdict::kNobodyThere;
  const Answer answer = answer_to(from, *request);
  if (answer == Answer::kNone) return ServiceVerdict::kServed;

  wire::DhcpReplyWriter reply(*request, type_of(answer));
  reply.add(DhcpOption::kServerIdentifier, from.router_address());
  if (answer == Answer::kOffer || answer == Answer::kAcknowledge) add_lease(reply, from.addresses.front());
  if (answer != Answer::kRefuse) {
    // An offer's ciaddr is zero; an acknowledgement repeats the client's (RFC 2131, table 3).
    if (answer != Answer::kOffer) reply.set_client_address(request->client_address);
    add_configuration(reply, from);
  }
  write_udp(out, path_to(from, *request, answer), std::move(reply).finish());
  return ServiceVerdict::kServed;
}

}  // namespace enid::card
