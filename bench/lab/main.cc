// A card of one of a lab's hosts, without an API: bench_lab HOST HOSTS INSTANCE_NAMESPACE
//
//   Runs in the host's namespace. Makes a TAP device `ens5` in the instance's namespace and programs one VPC
//   with an instance on each of the first HOSTS hosts: 10.0.1.(10 + host). What it reads, a line each:
//   `plain` and `express` say whether the instances use ENA Express, `report` asks for counters. It answers a
//   line each, and ends with its input.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <string>
#include <thread>

#include "host/card_worker.h"
#include "host/tap_port.h"

namespace enid::bench {
namespace {

struct Place {
  unsigned host = 0;
  unsigned hosts = 0;
  std::string instance_namespace;
};

HostId host_id(unsigned host) { return HostId::trusted(fmt::format("host-{}", host)); }
Ipv4Address underlay_address(unsigned host) { return {0x64400000u + host}; }

// Each pair of cards has a key of its own, and both know it.
contract::PairKey pair_key(unsigned one, unsigned other) {
  return {0x9e3779b97f4a7c15u * std::min(one, other), 0xc2b2ae3d27d4eb4fu * std::max(one, other)};
}

contract::InterfaceProgram interface_of(unsigned host, bool express) {
  contract::InterfaceProgram made;
  made.id = NetworkInterfaceId::trusted(fmt::format("eni-{}", host));
  made.vpc = VpcId::trusted("vpc-1");
  made.subnet = SubnetId::trusted("subnet-1");
  made.mac = {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(10 + host)}};
  made.addresses = {{0x0a00'010au + host}};
  made.groups = {SecurityGroupId::trusted("sg-1")};
  made.instance = InstanceId::trusted(fmt::format("i-{}", host));
  made.host = host_id(host);
  made.ena_express = {.enabled = express, .udp_enabled = false, .supported_by_type = true};
  made.availability_zone = "us-east-1a";
  return made;
}

contract::CardSnapshot program(const Place& place, bool express, std::uint64_t revision) {
  contract::VpcProgram vpc;
  vpc.id = VpcId::trusted("vpc-1");
  vpc.vni = 7;
  vpc.cidr_blocks = {*Ipv4Prefix::parse("10.0.0.0/16")};
  contract::SecurityGroupProgram group;
  group.id = SecurityGroupId::trusted("sg-1");
  group.vpc = vpc.id;
  contract::SecurityGroupRuleProgram rule;
  rule.id = SecurityGroupRuleId::trusted("sgr-1");
  rule.peer = group.id;
  group.ingress.push_back(rule);
  rule.peer = Ipv4Prefix{};
  group.egress.push_back(rule);
  contract::CardSnapshot snapshot{.revision = revision, .entities = {}};
  snapshot.entities = {
      vpc, contract::SubnetProgram{SubnetId::trusted("subnet-1"), vpc.id, *Ipv4Prefix::parse("10.0.1.0/24")},
      group};
  for (unsigned host = 1; host <= place.hosts; ++host) {
    snapshot.entities.emplace_back(
        contract::HostProgram{host_id(host), underlay_address(host), pair_key(host, place.host)});
    snapshot.entities.emplace_back(interface_of(host, express));
  }
  return snapshot;
}

// On a thread of its own, so that the caller stays where it is.
Result<host::UniqueFd> open_tap_in(const std::string& network) {
  return std::async(
             std::launch::async,
             [&]() -> Result<host::UniqueFd> {
               const host::UniqueFd there(::open(("/run/netns/" + network).c_str(), O_RDONLY | O_CLOEXEC));
               if (!there.is_open() || ::setns(there.get(), CLONE_NEWNET) < 0)
                 return errno_failure("enter network namespace " + network);
               return host::open_tap("ens5");
             })
      .get();
}

Result<std::unique_ptr<host::CardWorker>> start(const Place& place) {
  host::CardWorkerOptions options{.card = {}, .resolver_file = ""};
  options.card.host = host_id(place.host);
  options.underlay = host::UdpUnderlayOptions{.address = underlay_address(place.host)};
  auto worker = TRY(host::CardWorker::create(options));
  std::promise<Result<void>> bound;
  worker->bind_port(interface_of(place.host, false).id, TRY(open_tap_in(place.instance_namespace)),
                    [&](Result<void> result) { bound.set_value(std::move(result)); });
  TRY(bound.get_future().get());
  return worker;
}

void apply(host::CardWorker& worker, contract::CardSnapshot snapshot) {
  std::promise<void> applied;
  worker.replace(std::move(snapshot), [&] { applied.set_value(); });
  applied.get_future().get();
}

std::string report(host::CardWorker& worker) {
  std::promise<contract::CardReport> reported;
  worker.report([&](contract::CardReport report) { reported.set_value(std::move(report)); });
  const contract::CardReport report = reported.get_future().get();
  std::string text = "report";
  const auto add = [&](const std::string& prefix, const std::map<std::string, std::uint64_t>& counters) {
    for (const auto& [name, count] : counters) text += fmt::format(" {}{}={}", prefix, name, count);
  };
  add("", report.ena_express);
  add("underlay_drop_", report.underlay.drops);
  for (const contract::InterfaceCounters& interface : report.interfaces) {
    add("drop_", interface.drops);
    text += fmt::format(" srd_tx={} srd_rx={} eligible={}", interface.ena_express.tx_pkts,
                        interface.ena_express.rx_pkts, interface.ena_express.eligible_tx_pkts);
  }
  for (const contract::HostCounters& host : report.hosts)
    if (host.srd_established) text += " srd_with=" + host.id.text();
  return text;
}

int run(const Place& place) {
  auto worker = start(place);
  if (!worker) {
    fmt::print(stderr, "{}\n", worker.error().message);
    return 1;
  }
  std::uint64_t revision = 0;
  apply(**worker, program(place, false, ++revision));
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "plain" || line == "express") apply(**worker, program(place, line == "express", ++revision));
    std::cout << (line == "report" ? report(**worker) : line) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace enid::bench

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: bench_lab HOST HOSTS INSTANCE_NAMESPACE\n");
    return 2;
  }
  return enid::bench::run({.host = static_cast<unsigned>(std::atoi(argv[1])),
                           .hosts = static_cast<unsigned>(std::atoi(argv[2])),
                           .instance_namespace = argv[3]});
}
