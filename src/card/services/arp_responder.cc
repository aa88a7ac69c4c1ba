#include "card/services/arp_responder.h"

#include <algorithm>
#include <optional>

#include "card/services/service_addresses.h"
#include "card/services/service_packet.h"

namespace enid::card {
namespace {

// RFC 826, for Ethernet and IPv4.
constexpr std::size_t kArpBytes = 28;
constexpr std::uint64_t kEthernetIpv4 = 0x0001'0800'0604;  // Types and lengths.
constexpr std::uint16_t kRequest = 1;
constexpr std::uint16_t kReply = 2;
constexpr std::size_t kOperationOffset = 6;
constexpr std::size_t kSenderMacOffset = 8;
constexpr std::size_t kSenderAddressOffset = 14;
constexpr std::size_t kTargetMacOffset = 18;
constexpr std::size_t kTargetAddressOffset = 24;

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

void write_reply(const ServiceInterface& from, ConstBytes request, MacAddress owner, ServiceFrames& out) {
  const Bytes frame = out.add(from.handle, kEthernetHeaderBytes + kArpBytes);
  if (frame.empty()) return;
  std::ranges::copy(from.mac.bytes, frame.begin());
  std::ranges::copy(from.router_mac.bytes, frame.begin() + 6);
  store_be16(&frame[12], kEtherTypeArp);
  const Bytes arp = frame.subspan(kEthernetHeaderBytes);
  std::ranges::copy(request.first(kOperationOffset), arp.begin());
  store_be16(&arp[kOperationOffset], kReply);
  std::ranges::copy(owner.bytes, arp.begin() + kSenderMacOffset);
  std::ranges::copy(request.subspan(kTargetAddressOffset, 4), arp.begin() + kSenderAddressOffset);
  std::ranges::copy(from.mac.bytes, arp.begin() + kTargetMacOffset);
  std::ranges::copy(request.subspan(kSenderAddressOffset, 4), arp.begin() + kTargetAddressOffset);
}

}  // namespace

ServiceVerdict answer_arp(const ServiceInterface& from, const Frame& frame, ServiceFrames& out) {
  const ConstBytes arp = ConstBytes(frame.bytes).subspan(kEthernetHeaderBytes);
  if (arp.size() < kArpBytes) return ServiceVerdict::kMalformed;
  if ((std::uint64_t{load_be16(&arp[0])} << 32 | load_be32(&arp[2])) != kEthernetIpv4)
    return ServiceVerdict::kMalformed;
  const std::uint16_t operation = load_be16(&arp[kOperationOffset]);
  if (operation == kReply) return ServiceVerdict::kServed;
  if (operation != kRequest) return ServiceVerdict::kMalformed;
  if (!std::ranges::equal(arp.subspan(kSenderMacOffset, 6), from.mac.bytes))
    return ServiceVerdict::kForeignSource;

  const Ipv4Address sender{load_be32(&arp[kSenderAddressOffset])};
  const Ipv4Address wanted{load_be32(&arp[kTargetAddressOffset])};
  const bool is_probe = sender.value == 0;
  if (!is_probe && from.source_dest_check && !from.owns(sender)) return ServiceVerdict::kForeignSource;
  if (wanted == sender || from.owns(wanted)) return ServiceVerdict::kServed;
  const auto owner = owner_of(from, wanted);
  if (!owner) return ServiceVerdict::kNobodyThere;
  write_reply(from, arp, *owner, out);
  return ServiceVerdict::kServed;
}

}  // namespace enid::card
