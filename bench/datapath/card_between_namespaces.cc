#include "bench/datapath/card_between_namespaces.h"

#include <fcntl.h>
#include <sched.h>

#include <future>
#include <thread>

#include "base/random.h"
#include "host/tap_port.h"

namespace enid::bench {
namespace {

contract::CardDelta default_vpc(const std::vector<NetworkInterfaceId>& interfaces, Random& random) {
  contract::VpcProgram vpc{.id = VpcId::make(random),
                           .cidr_blocks = {*Ipv4Prefix::parse("10.0.0.0/16")},
                           .private_dns_domain = "ec2.internal"};
  contract::SubnetProgram subnet{
      .id = SubnetId::make(random), .vpc = vpc.id, .cidr_block = *Ipv4Prefix::parse("10.0.1.0/24")};
  contract::SecurityGroupProgram group{
      .id = SecurityGroupId::make(random), .vpc = vpc.id, .ingress = {}, .egress = {}};
  group.ingress.push_back({.id = SecurityGroupRuleId::make(random), .peer = group.id});
  group.egress.push_back({.id = SecurityGroupRuleId::make(random), .peer = Ipv4Prefix{}});

  contract::CardDelta delta{.revision = 1, .upserts = {vpc, subnet, group}, .removes = {}};
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    contract::InstanceProgram instance{
        .id = InstanceId::make(random), .metadata_options = {}, .metadata = {}};
    instance.metadata["meta-data/instance-id"] = instance.id.text();
    contract::InterfaceProgram interface;
    interface.id = interfaces[i];
    interface.vpc = vpc.id;
    interface.subnet = subnet.id;
    interface.mac = instance_mac(i);
    interface.addresses = {instance_address(i)};
    interface.groups = {group.id};
    interface.instance = instance.id;
    delta.upserts.emplace_back(std::move(instance));
    delta.upserts.emplace_back(std::move(interface));
  }
  return delta;
}

// On a thread of its own, so that the caller stays where it is.
Result<host::UniqueFd> open_tap_in(const std::string& network_namespace, const std::string& device) {
  return std::async(std::launch::async,
                    [&]() -> Result<host::UniqueFd> {
                      const host::UniqueFd there(
                          ::open(("/run/netns/" + network_namespace).c_str(), O_RDONLY | O_CLOEXEC));
                      if (!there.is_open() || ::setns(there.get(), CLONE_NEWNET) < 0) {
                        return errno_failure("enter network namespace " + network_namespace);
                      }
                      return host::open_tap(device);
                    })
      .get();
}

}  // namespace

Ipv4Address instance_address(std::size_t place) { return {0x0a00'010a + static_cast<std::uint32_t>(place)}; }

MacAddress instance_mac(std::size_t place) {
  return {{0x02, 0, 0, 0, 0, static_cast<std::uint8_t>(0x0a + place)}};
}

Result<std::unique_ptr<host::CardWorker>> start_card(const std::vector<std::string>& namespaces,
                                                     const std::string& device) {
  Random random(1);
  auto worker = TRY(host::CardWorker::create({.card = {}, .resolver_file = ""}));
  std::vector<NetworkInterfaceId> interfaces;
  for (const std::string& network_namespace : namespaces) {
    interfaces.push_back(NetworkInterfaceId::make(random));
    std::promise<Result<void>> bound;
    worker->bind_port(interfaces.back(), TRY(open_tap_in(network_namespace, device)),
                      [&](Result<void> result) { bound.set_value(std::move(result)); });
    TRY(bound.get_future().get());
  }
  std::promise<void> applied;
  worker->apply(default_vpc(interfaces, random), [&] { applied.set_value(); });
  applied.get_future().get();
  return worker;
}

}  // namespace enid::bench
