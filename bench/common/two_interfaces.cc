#include "bench/common/two_interfaces.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "wire/ethernet.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/udp.h"

namespace enid::bench {

std::vector<contract::Entity> TwoInterfaces::program(int rules) const {
  contract::VpcProgram vpc;
  vpc.id = VpcId::trusted("vpc-1");
  vpc.cidr_blocks = {*Ipv4Prefix::parse("10.0.0.0/16")};
  const contract::SubnetProgram subnet{SubnetId::trusted("subnet-1"), vpc.id,
                                       *Ipv4Prefix::parse("10.0.1.0/24")};
  contract::SecurityGroupProgram group;
  group.id = SecurityGroupId::trusted("sg-1");
  group.vpc = vpc.id;
  for (int i = 1; i <= rules; ++i) {
    contract::SecurityGroupRuleProgram rule;
    rule.id = SecurityGroupRuleId::trusted(fmt::format("sgr-{}", i));
    rule.protocol = wire::ip_protocol::kUdp;
    rule.from_port = i == rules ? 0 : 60'000 + i;
    rule.to_port = i == rules ? 59'999 : 60'000 + i;
    rule.peer = *Ipv4Prefix::parse("10.0.0.0/16");
    group.ingress.push_back(rule);
    group.egress.push_back(rule);
  }
  const auto interface = [&](const Endpoint& end, const char* instance) {
    contract::InterfaceProgram made;
    made.id = end.id;
    made.vpc = vpc.id;
    made.subnet = subnet.id;
    made.mac = end.mac;
    made.addresses = {end.address};
    made.groups = {group.id};
    made.instance = InstanceId::trusted(instance);
    return made;
  };
  return {vpc, subnet, group, interface(client, "i-client"), interface(server, "i-server")};
}

std::vector<std::uint8_t> TwoInterfaces::packets(std::size_t flows, bool are_requests,
                                                 std::size_t stride) const {
  const Endpoint& from = are_requests ? client : server;
  const Endpoint& to = are_requests ? server : client;
  std::vector<std::uint8_t> packets(flows * stride);
  std::vector<std::size_t> order(flows);
  std::iota(order.begin(), order.end(), 0);
  Random random(are_requests ? 5 : 6);
  for (std::size_t i = flows; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  for (std::size_t i = 0; i < flows; ++i) {
    const Bytes frame(&packets[i * stride], kFrameBytes);
    const auto client_port = static_cast<std::uint16_t>(1024 + order[i] % 50'000);
    const auto server_port = static_cast<std::uint16_t>(1024 + order[i] / 50'000);
    wire::EthernetHeader{to.mac, from.mac, wire::ether_type::kIpv4}.write(frame);
    wire::Ipv4Header ip;
    ip.total_bytes = kFrameBytes - wire::EthernetHeader::kBytes;
    ip.protocol = wire::ip_protocol::kUdp;
    ip.source = from.address;
    ip.destination = to.address;
    ip.write(frame.subspan(14));
    const std::uint16_t udp_bytes = kFrameBytes - 34;
    wire::UdpHeader{are_requests ? client_port : server_port, are_requests ? server_port : client_port,
                    udp_bytes, 0}
        .write(frame.subspan(34));
  }
  return packets;
}

std::chrono::nanoseconds core_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace enid::bench
