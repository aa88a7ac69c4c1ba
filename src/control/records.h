// Records: what the control plane remembers of each resource. Plain values; EC2's nouns.
//
// Theory of operation
//   A record is everything that must survive a restart, and nothing that can be derived: an
//   interface's status follows from its attachment, who is in a group from the interfaces.
//   Records live in a RegionModel (control/region_model.h), change only through a Transaction, and
//   are stored as JSON (control/record_json.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/time.h"

namespace enid::control {

using Tags = std::map<std::string, std::string>;

struct CidrAssociation {
  VpcCidrAssociationId id;
  Ipv4Prefix cidr_block;
};

struct VpcRecord {
  using Id = VpcId;
  VpcId id;
  std::vector<CidrAssociation> cidr_blocks;  // The first is the primary one.
  bool is_default = false;
  std::string instance_tenancy = "default";
  DhcpOptionsId dhcp_options;
  bool enable_dns_support = true;
  bool enable_dns_hostnames = false;
  bool enable_network_address_usage_metrics = false;
  std::int32_t vni =
      0;  // Its number between hosts, unique over all Regions; zero in states of earlier versions.
  Tags tags;
};

struct SubnetRecord {
  using Id = SubnetId;
  SubnetId id;
  VpcId vpc;
  Ipv4Prefix cidr_block;
  std::string availability_zone;     // "us-east-1a"
  std::string availability_zone_id;  // "use1-az1"
  bool default_for_az = false;
  bool map_public_ip_on_launch = false;
  bool assign_ipv6_address_on_creation = false;
  bool enable_dns64 = false;
  std::string hostname_type = "ip-name";
  bool enable_resource_name_dns_a_record = false;
  bool enable_resource_name_dns_aaaa_record = false;
  NetworkAclId network_acl;
  NetworkAclAssociationId network_acl_association;
  Tags tags;
};

struct SecurityGroupRule {
  // A prefix list has no entries of its own yet: it is remembered and matches nothing.
  using Peer = std::variant<Ipv4Prefix, Ipv6Prefix, SecurityGroupId, std::string>;

  SecurityGroupRuleId id;
  bool is_egress = false;
  std::string protocol = "-1";  // "tcp", "udp", "icmp", "icmpv6", "-1", or a number, as EC2 answers it.
  std::int32_t from_port = -1;  // Ports, or ICMP type; -1 with to_port -1: all.
  std::int32_t to_port = -1;
  Peer peer;
  std::string description;
  Tags tags;
};

struct SecurityGroupRecord {
  using Id = SecurityGroupId;
  SecurityGroupId id;
  VpcId vpc;
  std::string name;
  std::string description;
  std::vector<SecurityGroupRule> rules;
  Tags tags;
};

enum class AttachmentStatus : std::uint8_t { kAttaching, kAttached, kDetaching };

// One virtual function of a network card of a host (SR-IOV), held by an attached interface.
struct VirtualFunction {
  std::string host;
  std::int32_t card = 0;    // Of the host's network cards, from 0.
  std::int32_t number = 0;  // Of the card's virtual functions, from 0.

  bool operator==(const VirtualFunction&) const = default;
};

struct Attachment {
  AttachmentId id;
  InstanceId instance;
  std::int32_t device_index = 0;
  std::int32_t network_card_index = 0;
  AttachmentStatus status = AttachmentStatus::kAttaching;
  WallTime attach_time;
  bool delete_on_termination = false;
  bool ena_srd_enabled = false;
  bool ena_srd_udp_enabled = false;
  // Empty while the instance is stopped: it is on no host then. See control/operations/virtual_functions.h.
  std::optional<VirtualFunction> virtual_function = {};
};

struct NetworkInterfaceRecord {
  using Id = NetworkInterfaceId;
  NetworkInterfaceId id;
  VpcId vpc;
  SubnetId subnet;
  std::string availability_zone;
  MacAddress mac;
  std::string description;
  std::string interface_type = "interface";
  std::vector<Ipv4Address> addresses;  // The first is the primary one.
  std::vector<Ipv4Prefix> prefixes;    // Delegated /28 prefixes.
  std::vector<SecurityGroupId> groups;
  bool source_dest_check = true;
  // Seconds; empty: the instance type's default. See vpc/instance_types.h.
  std::optional<std::int32_t> tcp_established_timeout;
  std::optional<std::int32_t> udp_stream_timeout;
  std::optional<std::int32_t> udp_timeout;
  std::optional<Attachment> attachment;
  WallTime create_time;
  Tags tags;
};

struct NetworkInterfacePermissionRecord {
  using Id = NetworkInterfacePermissionId;
  NetworkInterfacePermissionId id;
  NetworkInterfaceId interface;
  std::string account;  // Either an account or a service.
  std::string aws_service;
  std::string permission;  // "INSTANCE-ATTACH" or "EIP-ASSOCIATE"
};

enum class InstanceState : std::uint8_t {
  kPending,
  kRunning,
  kShuttingDown,
  kTerminated,
  kStopping,
  kStopped
};

struct MetadataOptionsRecord {
  bool tokens_required = false;
  std::int32_t hop_limit = 1;
  bool endpoint_enabled = true;
  bool instance_metadata_tags = false;
};

struct InstanceRecord {
  using Id = InstanceId;
  InstanceId id;
  ReservationId reservation;
  std::string image;  // As the caller wrote it.
  std::string instance_type = "t3.micro";
  std::string key_name;
  InstanceState state = InstanceState::kPending;
  std::string state_reason_code;     // "Client.UserInitiatedShutdown"
  std::string state_reason_message;  // "Client.UserInitiatedShutdown: User initiated shutdown"
  std::string state_transition_reason;
  WallTime launch_time;
  WallTime state_time;  // Of the last change of `state`.
  std::int32_t launch_index = 0;
  VpcId vpc;
  SubnetId subnet;
  std::string availability_zone;
  HostId host;       // Where it runs, or is about to, or is being stopped. Empty: stopped or terminated.
  HostId disk_host;  // Where its files are: the host of its last start, also while it is stopped.
  std::string private_dns_name;  // Kept when the primary interface is gone.
  Ipv4Address private_address;
  std::string user_data;  // Decoded.
  bool booted = false;    // True once user data ran.
  MetadataOptionsRecord metadata_options;
  bool disable_api_termination = false;
  bool disable_api_stop = false;
  bool terminate_on_shutdown = false;  // InstanceInitiatedShutdownBehavior.
  bool ebs_optimized = false;
  bool detailed_monitoring = false;
  std::string cpu_credits;  // Burstable types: "standard" or "unlimited".
  std::string iam_instance_profile;
  std::string placement_group;        // Its name.
  std::int32_t partition_number = 0;  // From 1, in a partition group; 0: none.
  HostId requested_host;              // Empty: any.
  std::string tenancy = "default";
  VolumeId root_volume;
  Tags root_volume_tags;
  std::string client_token;
  std::string hostname_type = "ip-name";
  Tags tags;
};

struct PlacementGroupRecord {
  using Id = PlacementGroupId;
  PlacementGroupId id;
  std::string name;
  std::string strategy = "cluster";  // "cluster", "spread" or "partition"
  std::int32_t partition_count = 0;  // Of a partition group.
  std::string spread_level;          // Of a spread group: "host" or "rack".
  Tags tags;
};

struct KeyPairRecord {
  using Id = KeyPairId;
  KeyPairId id;
  std::string name;
  std::string type = "rsa";  // "rsa" or "ed25519"
  std::string fingerprint;
  std::string public_key;  // OpenSSH's form, one line.
  WallTime create_time;
  Tags tags;
};

struct LaunchTemplateRecord {
  using Id = LaunchTemplateId;
  LaunchTemplateId id;
  std::string name;
  WallTime create_time;
  std::string created_by;  // Who called, as an ARN.
  std::int32_t default_version = 1;
  std::int32_t last_version = 0;  // The highest number ever given; that version may be deleted.
  Tags tags;
};

struct LaunchTemplateVersionRecord {
  using Id = std::string;  // See launch_template_version_id(): in the order of the numbers.
  std::string id;
  LaunchTemplateId launch_template;
  std::int32_t number = 0;
  std::string description;
  WallTime create_time;
  std::string created_by;
  std::string data;  // JSON under EC2's names: what the version says of instances. The API's matter alone.
};

struct RouteTableRecord {
  using Id = RouteTableId;
  RouteTableId id;
  VpcId vpc;
  RouteTableAssociationId main_association;  // Empty: not the main table of its VPC.
  Tags tags;
};

struct NetworkAclRecord {
  using Id = NetworkAclId;
  NetworkAclId id;
  VpcId vpc;
  bool is_default = true;
  Tags tags;
};

struct DhcpOptionsRecord {
  using Id = DhcpOptionsId;
  DhcpOptionsId id;
  Tags tags;
};

// What a call with a client token answered, so that the same call answers it again.
struct ClientTokenRecord {
  using Id = std::string;  // operation + "/" + token
  std::string id;
  std::string fingerprint;  // Of the parameters.
  std::string result;       // The encoded answer, without its request id.
  WallTime time;
};

}  // namespace enid::control
