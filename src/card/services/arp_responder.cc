#include "card/services/arp_responder.h"

#include <optional>

#include "card/services/service_addresses.h"
#include "wire/arp.h"
#include "wire/ethernet.h"

namespace enid::card {
namespace {

bool is_at_router(const ServiceInterface& from, Ipv4Address address) {
  return address == from.router_address() || address == from.resolver_address() ||
         address == kTimeServerAddress || address == kResolverLinkAddress ||
         address == kMetadataServerAddress;
}

std::optional<MacAddress> owner_of(const ServiceInterface& from, Ipv4Address address) {
  if (is_at_router(from, address)) return from.router_mac;
  if (!from.subnet.contains(address) || from.directory == nullptr) return std::nullopt;
  return from.directory->mac_of(from.vpc, address);
}

void write_reply(const ServiceInterface& from, const wire::ArpPacket& request, MacAddress owner,
                 ServiceFrames& out) {
  const Bytes frame = out.add(from.handle, wire::EthernetHeader::kBytes + wire::ArpPacket::kBytes);
  if (frame.empty()) return;
  wire::EthernetHeader{from.mac, from.router_mac, wire::ether_type::kArp}.write(frame);
  wire::ArpPacket reply;
  reply.operation = wire::ArpPacket::kReply;
  reply.sender_mac = owner;
  reply.sender_address = request.target_address;
  reply.target_mac = from.mac;
  reply.target_address = request.sender_address;
  reply.write(frame.subspan(wire::EthernetHeader::kBytes));
}

}  // namespace

ServiceVerdict answer_arp(const ServiceInterface& from, const Frame& frame, ServiceFrames& out) {
  const auto request = wire::ArpPacket::parse(frame.bytes.subspan(wire::EthernetHeader::kBytes));
  if (!request) return ServiceVerdict::kMalformed;
  if (request->operation == wire::ArpPacket::kReply) return ServiceVerdict::kServed;
  if (request->operation != wire::ArpPacket::kRequest) return ServiceVerdict::kMalformed;
  if (request->sender_mac != from.mac) return ServiceVerdict::kForeignSource;

  const Ipv4Address sender = request->sender_address;
  const Ipv4Address wanted = request->target_address;
  const bool is_probe = sender.value == 0;
  if (!is_probe && from.source_dest_check && !from.owns(sender)) return ServiceVerdict::kForeignSource;
  if (wanted == sender || from.owns(wanted)) return ServiceVerdict::kServed;
  const auto owner = owner_of(from, wanted);
  if (!owner) return ServiceVerdict::kNobodyThere;
  write_reply(from, *request, *owner, out);
  return ServiceVerdict::kServed;
}

}  // namespace enid::card
