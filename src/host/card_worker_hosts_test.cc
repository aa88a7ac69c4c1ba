// Two cards on two hosts: network namespaces that a cable joins. An instance on each; what they say to each
// other crosses in Geneve, or by SRD where ENA Express is on. Needs root.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <future>

#include "host/card_worker.h"
#include "host/tap_port.h"
#include "host/testing/network_namespace.h"

namespace enid::host {
namespace {

struct Machine {
  HostId id;
  Ipv4Address underlay_address;
  NetworkNamespace network;  // The host's own.
  std::unique_ptr<CardWorker> worker;

  contract::InterfaceProgram interface;
  NetworkNamespace instance;
};

class TwoCards : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, for namespaces and TAP devices";
    ASSERT_TRUE(machines_[0].network.run("ip link add cable type veth peer name cable netns " +
                                         machines_[1].network.path()));
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      Machine& machine = machines_[i];
      machine.id = HostId::trusted("rack1-" + std::to_string(i));
      machine.underlay_address = {0xc0a8'0101u + static_cast<std::uint32_t>(i)};
      ASSERT_TRUE(
          machine.network.run(fmt::format("ip link set cable mtu 9100 up && ip address add {}/24 dev cable",
                                          machine.underlay_address.text())));
      start_card(machine);
      contract::InterfaceProgram& interface = machine.interface;
      interface.id = NetworkInterfaceId::make(random_);
      interface.vpc = vpc_;
      interface.subnet = subnet_;
      interface.mac = {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(10 + i)}};
      interface.addresses = {{0x0a00'010au + static_cast<std::uint32_t>(i)}};
      interface.groups = {group_};
      interface.instance = InstanceId::make(random_);
      interface.host = machine.id;
      interface.availability_zone = "eu-west-1a";
      plug(machine);
    }
    for (Machine& machine : machines_) program(machine);
  }

  // The worker's sockets are of the namespace in which it is made.
  static void start_card(Machine& machine) {
    machine.worker.reset();
    auto worker = machine.network
                      .inside([&] {
                        CardWorkerOptions options{.card = {}, .resolver_file = ""};
                        options.card.host = machine.id;
                        options.underlay = UdpUnderlayOptions{.address = machine.underlay_address};
                        return CardWorker::create(options);
                      })
                      .get();
    ASSERT_TRUE(worker) << worker.error().message;
    machine.worker = std::move(*worker);
  }

  static void plug(Machine& machine) {
    auto tap = machine.instance.inside([] { return open_tap("ens5"); }).get();
    ASSERT_TRUE(tap);
    std::promise<bool> bound;
    machine.worker->bind_port(machine.interface.id, std::move(*tap),
                              [&](Result<void> result) { bound.set_value(result.has_value()); });
    ASSERT_TRUE(bound.get_future().get());
    machine.instance.run(
        fmt::format("ip link set ens5 address {} mtu 9001 up && ip address add {}/24 dev ens5",
                    machine.interface.mac.text(), machine.interface.addresses.front().text()));
  }

  void program(Machine& machine) {
    contract::CardSnapshot snapshot{.revision = ++revision_, .entities = {}};
    contract::VpcProgram vpc;
    vpc.id = vpc_;
    vpc.vni = 7;
    vpc.cidr_blocks = {*Ipv4Prefix::parse("10.0.0.0/16")};
    contract::SecurityGroupProgram group{.id = group_, .vpc = vpc_, .ingress = {}, .egress = {}};
    group.ingress.push_back({.id = rule_, .peer = group_});
    group.egress.push_back({.id = rule_, .peer = Ipv4Prefix{}});
    snapshot.entities = {vpc, contract::SubnetProgram{subnet_, vpc_, *Ipv4Prefix::parse("10.0.1.0/24")},
                         group};
    for (const Machine& other : machines_) {
      snapshot.entities.emplace_back(contract::HostProgram{other.id, other.underlay_address, {5, 6}});
      snapshot.entities.emplace_back(other.interface);
    }
    std::promise<void> applied;
    machine.worker->replace(std::move(snapshot), [&] { applied.set_value(); });
    applied.get_future().get();
  }

  void turn_express_on() {
    for (Machine& machine : machines_)
      machine.interface.ena_express = {.enabled = true, .udp_enabled = true, .supported_by_type = true};
    for (Machine& machine : machines_) program(machine);
    // As EC2 says: packets of at most 8900 bytes.
    for (const Machine& machine : machines_) machine.instance.run("ip link set ens5 mtu 8900");
  }

  bool download(const std::string& how) {
    auto server = machines_[1].instance.inside(
        [] { return std::system("timeout 30 iperf3 -s -1 -p 7000 >/dev/null 2>&1") == 0; });
    const std::string peer = machines_[1].interface.addresses.front().text();
    bool is_done = false;
    for (int i = 0; i < 50 && !is_done; ++i)
      is_done = machines_[0].instance.run("timeout 20 iperf3 -c " + peer + " -p 7000 " + how +
                                          " || { sleep 0.1; false; }");
    return server.get() && is_done;
  }

  bool ping(const std::string& how) const {
    return machines_[0].instance.run(
        fmt::format("ping -n -c 3 -i 0.01 -W 2 {} {}", how, machines_[1].interface.addresses.front().text()));
  }

  static contract::CardReport report(Machine& machine) {
    std::promise<contract::CardReport> reported;
    machine.worker->report([&](contract::CardReport report) { reported.set_value(std::move(report)); });
    return reported.get_future().get();
  }

  Random random_{1};
  std::array<Machine, 2> machines_;
  VpcId vpc_ = VpcId::make(random_);
  SubnetId subnet_ = SubnetId::make(random_);
  SecurityGroupId group_ = SecurityGroupId::make(random_);
  SecurityGroupRuleId rule_ = SecurityGroupRuleId::make(random_);
  std::uint64_t revision_ = 0;
};

TEST_F(TwoCards, jumbo_frames_cross_from_host_to_host) {
  EXPECT_TRUE(ping(""));
  EXPECT_TRUE(ping("-M do -s 8973"));
  const auto here = report(machines_[0]);
  ASSERT_EQ(here.hosts.size(), 1u);
  EXPECT_EQ(here.hosts[0].mtu, 9001);
  EXPECT_GE(here.hosts[0].sent_frames, 6u);
  EXPECT_GE(here.underlay.received_frames, 6u);
}

TEST_F(TwoCards, a_narrow_underlay_is_seen_and_instances_are_told) {
  for (const Machine& machine : machines_) machine.network.run("ip link set cable mtu 1500");
  for (Machine& machine : machines_) {
    start_card(machine);
    plug(machine);
    program(machine);
  }
  EXPECT_EQ(report(machines_[0]).hosts.at(0).mtu, 1450);
  EXPECT_FALSE(ping("-M do -s 8973"));
  EXPECT_TRUE(ping("-M do -s 1422"));
  EXPECT_TRUE(ping(""));
}

TEST_F(TwoCards, tcp_finds_its_way_at_the_underlays_length) { EXPECT_TRUE(download("-n 64M")); }

TEST_F(TwoCards, tcp_goes_by_srd_where_ena_express_is_on) {
  turn_express_on();
  ASSERT_TRUE(download("-n 4M"));  // The first packets go by Geneve, while SRD is set up.
  ASSERT_TRUE(download("-n 64M"));
  const auto sender = report(machines_[0]).interfaces.at(0).ena_express;
  const auto receiver = report(machines_[1]).interfaces.at(0).ena_express;
  EXPECT_EQ(sender.mode, 3);
  // Nearly all of it, however the packets were: 64 MB are some 7,500 of the longest.
  EXPECT_GT(sender.tx_pkts, 7'000u);
  EXPECT_GT(sender.tx_pkts * 10, sender.eligible_tx_pkts * 9);
  EXPECT_GT(receiver.rx_pkts * 10, sender.tx_pkts * 9);
}

TEST_F(TwoCards, a_card_that_starts_anew_is_found_by_srd_again) {
  turn_express_on();
  ASSERT_TRUE(download("-n 4M"));
  start_card(machines_[1]);
  plug(machines_[1]);
  program(machines_[1]);
  machines_[1].instance.run("ip link set ens5 mtu 8900");
  ASSERT_TRUE(download("-n 4M"));
  ASSERT_TRUE(download("-n 16M"));
  EXPECT_GT(report(machines_[1]).interfaces.at(0).ena_express.rx_pkts, 1'500u);
}

TEST_F(TwoCards, a_card_that_starts_anew_carries_on) {
  ASSERT_TRUE(ping(""));
  start_card(machines_[1]);
  plug(machines_[1]);
  program(machines_[1]);
  EXPECT_TRUE(ping(""));
}

}  // namespace
}  // namespace enid::host
