// What is said comes out as it went in, and what nobody of ours would say is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/codec.h"

namespace enid::cluster {
namespace {

using ::testing::HasSubstr;

// Binding every member by name makes this file fail to compile when a struct of the contract grows, and
// nobody has thought of its way over the wire.
template <class T>
std::size_t members_of(const T& value);

template <>
std::size_t members_of(const contract::InterfaceProgram& value) {
  const auto& [id, vpc, subnet, mac, addresses, prefixes, groups, check, mtu, timeouts, instance, index, host,
               express, zone] = value;
  return addresses.size() + prefixes.size() + groups.size();
}
template <>
std::size_t members_of(const contract::VpcProgram& value) {
  const auto& [id, vni, blocks, support, hostnames, domain] = value;
  return blocks.size();
}
template <>
std::size_t members_of(const contract::HostProgram& value) {
  const auto& [id, address, key] = value;
  return key.size();
}
template <>
std::size_t members_of(const control::InterfaceAttachment& value) {
  const auto& [interface, mac, index, card, mtu, port] = value;
  return mac.bytes.size();
}

contract::InterfaceProgram interface() {
  return {.id = NetworkInterfaceId::trusted("eni-0123456789abcdef0"),
          .vpc = VpcId::trusted("vpc-0123456789abcdef0"),
          .subnet = SubnetId::trusted("subnet-0123456789abcdef0"),
          .mac = {{2, 1, 2, 3, 4, 5}},
          .addresses = {{0x0a000105}, {0xffffffff}},
          .prefixes = {*Ipv4Prefix::parse("10.0.1.16/28")},
          .groups = {SecurityGroupId::trusted("sg-0123456789abcdef0")},
          .source_dest_check = false,
          .mtu = 1500,
          .timeouts = {.tcp_established = Duration::from_seconds(60),
                       .udp_stream = Duration::from_seconds(61),
                       .udp = Duration::from_seconds(31)},
          .instance = InstanceId::trusted("i-0123456789abcdef0"),
          .device_index = 3,
          .host = HostId::trusted("host-2"),
          .ena_express = {.enabled = true, .udp_enabled = true, .supported_by_type = true},
          .availability_zone = "us-east-1a"};
}

std::vector<contract::Entity> one_of_each() {
  using namespace contract;
  const SecurityGroupId group = SecurityGroupId::trusted("sg-0123456789abcdef0");
  const auto rule = [](std::int16_t protocol, SecurityGroupRuleProgram::Peer peer) {
    return SecurityGroupRuleProgram{.id = SecurityGroupRuleId::trusted("sgr-0123456789abcdef0"),
                                    .protocol = protocol,
                                    .from_port = -1,
                                    .to_port = 65535,
                                    .peer = std::move(peer)};
  };
  return {HostProgram{
              .id = HostId::trusted("host-2"), .underlay_address = {0x0a630002}, .pair_key = {7, UINT64_MAX}},
          VpcProgram{.id = VpcId::trusted("vpc-0123456789abcdef0"),
                     .vni = 0xffffff,
                     .cidr_blocks = {*Ipv4Prefix::parse("10.0.0.0/16")},
                     .enable_dns_support = false,
                     .enable_dns_hostnames = true,
                     .private_dns_domain = "ec2.internal"},
          SubnetProgram{.id = SubnetId::trusted("subnet-0123456789abcdef0"),
                        .vpc = VpcId::trusted("vpc-0123456789abcdef0"),
                        .cidr_block = *Ipv4Prefix::parse("10.0.1.0/24")},
          SecurityGroupProgram{
              .id = group,
              .vpc = VpcId::trusted("vpc-0123456789abcdef0"),
              .ingress = {rule(kAnyProtocol, group), rule(6, *Ipv6Prefix::parse_loose("2001:db8::/32"))},
              .egress = {rule(255, *Ipv4Prefix::parse("0.0.0.0/0"))}},
          interface(),
          InstanceProgram{
              .id = InstanceId::trusted("i-0123456789abcdef0"),
              .metadata_options = {.endpoint_enabled = false, .tokens_required = true, .hop_limit = 64},
              .metadata = {{"user-data", std::string("\xff\x00\x01", 3)}, {"meta-data/ami-id", "ami-1"}}}};
}

template <class T>
T over_the_wire(const ControlMessage& message) {
  auto decoded = decode_control_message(encode(message));
  EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().message);
  return decoded ? std::get<T>(*decoded) : T{};
}

template <class T>
T over_the_wire(const CardMessage& message) {
  auto decoded = decode_card_message(encode(message));
  EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().message);
  return decoded ? std::get<T>(*std::move(decoded)) : T{};
}

TEST(Conversions, EveryEntityOfAProgramComesOutAsItWentIn) {
  EXPECT_EQ(members_of(interface()), 4U);
  EXPECT_EQ(members_of(contract::VpcProgram{}) + members_of(contract::HostProgram{}) +
                members_of(control::InterfaceAttachment{}),
            8U);
  const auto part = over_the_wire<SnapshotPart>(
      SnapshotPart{.position = {.epoch = 3, .revision = 9}, .entities = one_of_each(), .last = false});
  EXPECT_EQ(part.entities, one_of_each());
  EXPECT_EQ(part.position, (Position{.epoch = 3, .revision = 9}));
  EXPECT_FALSE(part.last);
}

TEST(Conversions, ADeltaKeepsItsRevisionAndItsRemoves) {
  const std::vector<contract::EntityId> removes = {HostId::trusted("rack-1.host-2"),
                                                   VpcId::trusted("vpc-0123456789abcdef0"),
                                                   SubnetId::trusted("subnet-01234567"),
                                                   SecurityGroupId::trusted("sg-01234567"),
                                                   NetworkInterfaceId::trusted("eni-01234567"),
                                                   InstanceId::trusted("i-01234567")};
  const auto delta = over_the_wire<Delta>(
      Delta{.epoch = 5, .delta = {.revision = 77, .upserts = one_of_each(), .removes = removes}});
  EXPECT_EQ(delta.epoch, 5U);
  EXPECT_EQ(delta.delta.revision, 77U);
  EXPECT_EQ(delta.delta.upserts, one_of_each());
  EXPECT_EQ(delta.delta.removes, removes);
}

TEST(Conversions, ALaunchKeepsItsMachineAndBytesThatAreNoText) {
  control::InstanceLaunch launch{
      .id = InstanceId::trusted("i-0123456789abcdef0"),
      .hostname = "ip-10-0-0-5",
      .user_data = std::string("#!\x00\xff", 4),
      .first_boot = false,
      .authorized_key = "ssh-ed25519 AAAA",
      .machine = control::MachineShape{.vcpus = 2, .memory_mib = 1024},
      .interfaces = {{.interface = NetworkInterfaceId::trusted("eni-0123456789abcdef0"),
                      .mac = {{2, 0, 0, 0, 0, 1}},
                      .device_index = 1,
                      .network_card_index = 2,
                      .mtu = 1500,
                      .machine_port = 7}}};
  const auto command = over_the_wire<Command>(Command{.id = 4, .epoch = 6, .order = launch});
  const auto& came = std::get<control::InstanceLaunch>(command.order);
  EXPECT_EQ(command.id, 4U);
  EXPECT_EQ(came.user_data, launch.user_data);
  EXPECT_FALSE(came.first_boot);
  ASSERT_TRUE(came.machine);
  EXPECT_EQ(came.machine->memory_mib, 1024);
  ASSERT_EQ(came.interfaces.size(), 1U);
  EXPECT_EQ(came.interfaces[0].machine_port, 7);
  EXPECT_EQ(came.interfaces[0].mac, launch.interfaces[0].mac);
}

TEST(Conversions, HelloTellsAllOfItself) {
  const Hello hello{.host = HostId::trusted("host-2"),
                    .incarnation = UINT64_MAX,
                    .availability_zones = {"us-east-1a"},
                    .underlay_address = {0x0a630002},
                    .underlay_mtu = 9216,
                    .network_cards = {.network_cards = 2, .virtual_functions_per_card = 16},
                    .state_folder = "/var/lib/enid-card",
                    .machine_boot_id = "0f",
                    .version = "0.1.0",
                    .position = {.epoch = 1, .revision = 2},
                    .instances = {{InstanceId::trusted("i-0123456789abcdef0"), control::RunState::kRunning}},
                    .powered_off = {{3, InstanceId::trusted("i-0123456789abcdef1")}}};
  EXPECT_EQ(over_the_wire<Hello>(hello), hello);
}

TEST(Conversions, AnErrorKeepsItsNumberAndOthersBecomeIoErrors) {
  const auto outcome = [](std::error_code code) {
    return over_the_wire<Outcome>(
               Outcome{.command = 1, .result = failure(code, "no\xff"), .instances = {}, .absent = {}})
        .result.error();
  };
  EXPECT_EQ(outcome(std::make_error_code(std::errc::device_or_resource_busy)).code,
            std::errc::device_or_resource_busy);
  EXPECT_EQ(outcome(std::make_error_code(std::errc::io_error)).message, "no\xff");
  EXPECT_EQ(outcome(std::make_error_code(std::io_errc::stream)).code, std::errc::io_error);
}

TEST(Conversions, WhatACardKeepsOnDiskComesBack) {
  const KeptProgram kept{.position = {.epoch = 1, .revision = 2},
                         .entities = one_of_each(),
                         .instances = {{InstanceId::trusted("i-0123456789abcdef0"), {}}}};
  const auto read = decode_kept_program(encode(kept));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->position, kept.position);
  EXPECT_EQ(read->entities, kept.entities);
  EXPECT_EQ(read->instances.size(), 1U);
}

TEST(Conversions, WhatNobodyOfOursWouldSayIsRefusedInWords) {
  const auto refusal_of = [](contract::Entity entity) {
    const auto decoded = decode_control_message(
        encode(ControlMessage(SnapshotPart{.position = {}, .entities = {std::move(entity)}, .last = true})));
    return decoded ? std::string("taken") : decoded.error().message;
  };
  contract::InterfaceProgram odd = interface();
  odd.vpc = VpcId::trusted("vpc-../../etc");
  EXPECT_THAT(refusal_of(odd), HasSubstr("no id of a VPC"));
  odd = interface();
  odd.host = HostId::trusted("host/2");
  EXPECT_THAT(refusal_of(odd), HasSubstr("no name of a host"));
  odd = interface();
  odd.timeouts.udp = Duration::from_seconds(-1);
  EXPECT_THAT(refusal_of(odd), HasSubstr("timeout"));
  contract::VpcProgram vpc;
  vpc.id = VpcId::trusted("vpc-01234567");
  vpc.vni = 1 << 24;
  EXPECT_THAT(refusal_of(vpc), HasSubstr("24 bits"));
  EXPECT_FALSE(decode_card_message("\xff\xff\xff"));
  EXPECT_THAT(decode_card_message("").error().message, HasSubstr("unknown kind"));
  Hello older{.protocol = 7, .host = HostId::trusted("host-2")};
  EXPECT_THAT(decode_card_message(encode(CardMessage(older))).error().message, HasSubstr("version 7"));
}

}  // namespace
}  // namespace enid::cluster
