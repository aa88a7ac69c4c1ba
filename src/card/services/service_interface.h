// ServiceInterface: what the link-local services must know of the interface a frame came from.
//
// Theory of operation
//   The card keeps its program in tables of its own; the services see only this view. It is
//   made by the card for one call and holds pointers into the card's tables, so a service may
//   keep nothing of it beyond the call except what it copies.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/ip_address.h"
#include "contract/card_program.h"

namespace enid::card {

// The card's own small number for an interface. It may be reused after
// LinkLocalServices::forget_interface().
using InterfaceHandle = std::uint32_t;

// Questions about the sender's VPC. Implemented by the card over its tables.
class VpcDirectory {
 public:
  virtual ~VpcDirectory() = default;

  // True when `address` is the primary private address of an interface of `vpc`: those are the
  // addresses that have names (ip-10-0-1-5.ec2.internal).
  virtual bool is_primary_address(const VpcId& vpc, Ipv4Address address) const = 0;
  // Which MAC to answer when the interface asks who has `address`. Empty: nobody has it, and
  // the request stays without an answer, as on EC2. Services and the router are not asked here.
  virtual std::optional<MacAddress> mac_of(const VpcId& vpc, Ipv4Address address) const = 0;
};

struct ServiceInterface {
  InterfaceHandle handle = 0;
  MacAddress mac;
  MacAddress router_mac;                   // Source of every frame that a service sends.
  std::span<const Ipv4Address> addresses;  // The first is the primary one.
  std::span<const Ipv4Prefix> prefixes;    // Delegated prefixes.
  bool source_dest_check = true;           // Off: sources that are not the interface's are served too.
  std::uint16_t mtu = 9001;
  Ipv4Prefix subnet;
  std::span<const Ipv4Prefix> vpc_cidr_blocks;  // The first is the primary one: resolver at base + 2.
  VpcId vpc;
  bool enable_dns_support = true;
  std::string_view private_dns_domain;                  // "ec2.internal"
  const contract::InstanceProgram* instance = nullptr;  // Null: not attached, so no metadata.
  const VpcDirectory* directory = nullptr;              // Null: no other interface is known.

  bool has_primary_address() const { return !addresses.empty(); }
  Ipv4Address router_address() const { return subnet.at(1); }
  // Documented: VPC User Guide, "Amazon DNS server": the base of the VPC's primary range plus two.
  Ipv4Address resolver_address() const {
    return vpc_cidr_blocks.empty() ? subnet.at(2) : vpc_cidr_blocks.front().at(2);
  }
  bool owns(Ipv4Address address) const;
  bool is_in_vpc(Ipv4Address address) const;
};

inline bool ServiceInterface::owns(Ipv4Address address) const {
  for (const Ipv4Address own : addresses)
    if (own == address) return true;
  for (const Ipv4Prefix& prefix : prefixes)
    if (prefix.contains(address)) return true;
  return false;
}

inline bool ServiceInterface::is_in_vpc(Ipv4Address address) const {
  for (const Ipv4Prefix& block : vpc_cidr_blocks)
    if (block.contains(address)) return true;
  return subnet.contains(address);
}

}  // namespace enid::card
