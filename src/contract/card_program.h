// CardProgram: everything the control plane tells a card, and nothing else.
//
// Theory of operation
//   The program is a set of small entities, each with an id. The control plane sends them
//   first as a snapshot, then as deltas: an upsert carries the whole entity, a remove its id.
//   Deltas are numbered by the control plane's commits; a card that has applied delta N decides
//   every later packet by N. The control plane and the card never include
//   each other; both include this folder.
//
// Invariants
//   (1) An entity names others only by id; a name that the card does not know (yet) matches
//       nothing: an unknown security group admits no packet.
//   (2) Security group rules may name groups. Who is in a group is known from the
//       interfaces: an interface's addresses belong to each of its groups.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/time.h"

namespace enid::contract {

// Known to two cards only: what they tell each other is authenticated by it. All zeros: none, so no SRD.
using PairKey = std::array<std::uint64_t, 2>;

// A machine with a card, and where its card is reached by the cards of others.
struct HostProgram {
  HostId id;
  Ipv4Address underlay_address;
  PairKey pair_key{};  // Of that card and the one that is told.

  bool operator==(const HostProgram&) const = default;
};

struct VpcProgram {
  VpcId id;
  std::uint32_t vni = 0;  // The VPC's number between hosts: 24 bits. Zero: it never leaves its host.
  std::vector<Ipv4Prefix> cidr_blocks;
  bool enable_dns_support = true;     // The resolver at base + 2 and 169.254.169.253 answers.
  bool enable_dns_hostnames = false;  // Public names; private names resolve either way.
  std::string private_dns_domain;     // "ec2.internal" or "eu-west-1.compute.internal".

  bool operator==(const VpcProgram&) const = default;
};

struct SubnetProgram {
  SubnetId id;
  VpcId vpc;
  Ipv4Prefix cidr_block;  // Router at base + 1, resolver at base + 2.

  bool operator==(const SubnetProgram&) const = default;
};

// Any protocol: EC2's "-1".
constexpr std::int16_t kAnyProtocol = -1;

struct SecurityGroupRuleProgram {
  using Peer = std::variant<Ipv4Prefix, Ipv6Prefix, SecurityGroupId>;

  SecurityGroupRuleId id;
  std::int16_t protocol = kAnyProtocol;  // IANA number, or kAnyProtocol.
  // TCP and UDP: ports, inclusive. ICMP: from_port is the type and to_port the code, -1 is any.
  std::int32_t from_port = -1;
  std::int32_t to_port = -1;
  Peer peer;

  bool operator==(const SecurityGroupRuleProgram&) const = default;
};

struct SecurityGroupProgram {
  SecurityGroupId id;
  VpcId vpc;
  std::vector<SecurityGroupRuleProgram> ingress;
  std::vector<SecurityGroupRuleProgram> egress;

  bool operator==(const SecurityGroupProgram&) const = default;
};

// Idle timeouts of tracked connections.
// Documented: EC2 User Guide, "Security group connection tracking", "Idle connection tracking timeout".
struct ConnectionTrackingTimeouts {
  Duration tcp_established = Duration::from_seconds(432'000);  // 60 s to 5 days.
  Duration udp_stream = Duration::from_seconds(180);           // 60 s to 180 s.
  Duration udp = Duration::from_seconds(30);                   // 30 s to 60 s.

  bool operator==(const ConnectionTrackingTimeouts&) const = default;
};

// What an interface's attachment says about ENA Express, and what its instance's type allows.
// Documented: EC2 User Guide, "Improve network performance with ENA Express on your EC2 instances".
struct EnaExpress {
  bool enabled = false;            // EnaSrdEnabled.
  bool udp_enabled = false;        // EnaSrdUdpEnabled; kept, and without effect, while `enabled` is false.
  bool supported_by_type = false;  // EnaSrdSupported of the instance's type.

  bool operator==(const EnaExpress&) const = default;
};

struct InterfaceProgram {
  NetworkInterfaceId id;
  VpcId vpc;
  SubnetId subnet;
  MacAddress mac;
  std::vector<Ipv4Address> addresses;  // The first is the primary one.
  std::vector<Ipv4Prefix> prefixes;    // Delegated /28 prefixes.
  std::vector<SecurityGroupId> groups;
  bool source_dest_check = true;
  std::uint16_t mtu = 9001;
  ConnectionTrackingTimeouts timeouts;
  std::optional<InstanceId> instance;  // Empty: not attached; nothing can be delivered.
  std::uint16_t device_index = 0;
  HostId host;  // Where its instance runs. Empty: where the card is that reads this.
  EnaExpress ena_express = {};
  std::string availability_zone = {};  // Its subnet's; ENA Express works within one.

  bool operator==(const InterfaceProgram&) const = default;
};

struct MetadataOptions {
  bool endpoint_enabled = true;
  bool tokens_required = false;  // True: IMDSv2 only.
  std::uint8_t hop_limit = 1;    // IP TTL of answers to token requests. 1 to 64.

  bool operator==(const MetadataOptions&) const = default;
};

struct InstanceProgram {
  InstanceId id;
  MetadataOptions metadata_options;
  // The whole tree below /latest/, leaf path -> text: "meta-data/instance-id", "user-data",
  // "dynamic/instance-identity/document". Folders are implied by the paths.
  std::map<std::string, std::string> metadata;

  bool operator==(const InstanceProgram&) const = default;
};

using Entity = std::variant<HostProgram, VpcProgram, SubnetProgram, SecurityGroupProgram, InterfaceProgram,
                            InstanceProgram>;
using EntityId = std::variant<HostId, VpcId, SubnetId, SecurityGroupId, NetworkInterfaceId, InstanceId>;

struct CardDelta {
  std::uint64_t revision = 0;
  std::vector<Entity> upserts;
  std::vector<EntityId> removes;
};

// A snapshot is a delta that replaces everything: what it does not name is removed.
struct CardSnapshot {
  std::uint64_t revision = 0;
  std::vector<Entity> entities;
};

}  // namespace enid::contract
