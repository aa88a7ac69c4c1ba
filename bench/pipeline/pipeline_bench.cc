// bench_pipeline: how many 64-byte UDP packets a second one core carries through the card, from
// port to port in memory, for many established flows through security groups and tracking.
//
//   Two instances exchange requests and answers over `flows` pairs of ports, so that every flow is
//   a tracked stream at both ends. Then only established flows are measured: each packet is of another
//   flow than those before it, in an order that no prefetcher guesses. Frames lie one behind the other,
//   as in a port's ring. The same card, with the same
//   flows, is measured with one rule and with a thousand in turns; the ratio is the median of those of
//   neighbouring rounds.
//
//   bench_pipeline [flows] [milliseconds a round] [rounds]
#include <fmt/format.h>

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/random.h"
#include "card/card.h"
#include "card/flow_decision.h"
#include "flow/connection_table.h"
#include "flow/flow_table.h"
#include "wire/ethernet.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/udp.h"

namespace enid::card {
namespace {

constexpr std::size_t kFrameBytes = 60;  // 64 with the frame check sequence, which no port carries.

// Hands out the frames of a fixed pool round and round; takes everything and keeps nothing.
class ReplayPort final : public FramePort {
 public:
  std::size_t receive(std::span<Frame> frames) override {
    for (Frame& frame : frames) {
      frame = {{&pool[next_], kFrameBytes}, {}};
      next_ += kStride;
      if (next_ == pool.size()) next_ = 0;
    }
    return frames.size();
  }
  std::size_t transmit(std::span<const Frame> frames) override {
    taken += frames.size();
    return frames.size();
  }

  static constexpr std::size_t kStride = 64;
  std::vector<std::uint8_t> pool;
  std::uint64_t taken = 0;

 private:
  std::size_t next_ = 0;
};

// What this thread had of a core: on a shared machine, waiting for one is not the card's cost.
std::chrono::nanoseconds core_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

struct Endpoint {
  NetworkInterfaceId id;
  Ipv4Address address;
  MacAddress mac;
};

class Bench {
 public:
  explicit Bench(std::size_t flows) : flows_(flows) {
    CardOptions options;
    options.tracked_connections_max = std::max<std::size_t>(4 * flows, 1 << 18);
    card_ = std::make_unique<Card>(options);
    set_rules(1);
    fill(ask_port_, client_, server_, true);
    fill(answer_port_, server_, client_, false);
    ask_ = card_->attach_port(client_.id, ask_port_);
    answer_ = card_->attach_port(server_.id, answer_port_);
    // Request, answer, request, answer: now each flow is a stream.
    for (int turn = 0; turn < 2; ++turn) {
      send_each(ask_);
      send_each(answer_);
    }
  }

  void set_rules(int rules) {
    card_->apply({++revision_, program(rules), {}}, now_);
    if (ask_port_.pool.empty()) return;
    // The program's change made all flow entries stale: bring them back before they are measured.
    send_each(ask_);
    send_each(answer_);
  }

  // Packets a second. Only requests; the order visits every flow once before any again.
  double measure(std::chrono::nanoseconds length) {
    const std::uint64_t before = answer_port_.taken;
    const auto start = core_time();
    auto end = start;
    while (end - start < length) {
      for (int i = 0; i < 256; ++i) card_->poll(ask_, now_, {});
      const auto before_these = end;
      end = core_time();
      now_ = now_ + Duration::from_nanoseconds((end - before_these).count());
    }
    return static_cast<double>(answer_port_.taken - before) /
           std::chrono::duration<double>(end - start).count();
  }

  contract::CardReport report() const { return card_->report(); }

 private:
  void send_each(PortHandle port) {
    for (std::size_t sent = 0; sent < flows_; sent += 64) card_->poll(port, now_, {});
  }

  std::vector<contract::Entity> program(int rules) const {
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
      // The last rule is the one that matches.
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
    return {vpc, subnet, group, interface(client_, "i-client"), interface(server_, "i-server")};
  }

  void fill(ReplayPort& port, const Endpoint& from, const Endpoint& to, bool asks) const {
    port.pool.resize(flows_ * ReplayPort::kStride);
    std::vector<std::size_t> order(flows_);
    std::iota(order.begin(), order.end(), 0);
    Random random(asks ? 5 : 6);
    for (std::size_t i = flows_; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    for (std::size_t i = 0; i < flows_; ++i) {
      const Bytes frame(&port.pool[i * ReplayPort::kStride], kFrameBytes);
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
      wire::UdpHeader{asks ? client_port : server_port, asks ? server_port : client_port, udp_bytes, 0}.write(
          frame.subspan(34));
    }
  }

  std::size_t flows_;
  std::uint64_t revision_ = 0;
  Endpoint client_{NetworkInterfaceId::trusted("eni-client"), {0x0a000105}, {{2, 0, 0, 0, 0, 1}}};
  Endpoint server_{NetworkInterfaceId::trusted("eni-server"), {0x0a000106}, {{2, 0, 0, 0, 0, 2}}};
  Instant now_{1'000'000'000};
  ReplayPort ask_port_;
  ReplayPort answer_port_;
  std::unique_ptr<Card> card_;
  PortHandle ask_ = 0;
  PortHandle answer_ = 0;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

int run(std::size_t flows, std::chrono::milliseconds round, int rounds) {
  Bench bench(flows);
  std::vector<double> with_one;
  std::vector<double> with_thousand;
  std::vector<double> ratios;  // Of the cost.
  for (int i = 0; i < rounds; ++i) {
    bench.set_rules(1);
    with_one.push_back(bench.measure(round));
    bench.set_rules(1000);
    with_thousand.push_back(bench.measure(round));
    ratios.push_back(with_one.back() / with_thousand.back());
  }
  const double mpps = median(with_one) / 1e6;
  const double mpps_thousand = median(with_thousand) / 1e6;
  const auto report = bench.report();
  const std::size_t bytes_per_flow = flow::FlowTable<FlowDecision>::kEntryBytes;
  fmt::print("{} established flows, 64-byte UDP, security groups and tracking at both ends\n", flows);
  fmt::print("{:<14} {:>8} {:>12}\n", "rules", "Mpps", "ns a packet");
  fmt::print("{:<14} {:>8.2f} {:>12.1f}\n", 1, mpps, 1e3 / mpps);
  fmt::print("{:<14} {:>8.2f} {:>12.1f}\n", 1000, mpps_thousand, 1e3 / mpps_thousand);
  fmt::print("best round with one rule: {:.2f} Mpps\n", std::ranges::max(with_one) / 1e6);
  fmt::print("flow cache: {} entries, {} hits, {} misses; {} tracked connections of {} bytes\n", report.flows,
             report.flow_cache_hits, report.flow_cache_misses, report.tracked_connections,
             flow::ConnectionTable::kConnectionBytes);
  fmt::print("figures: mpps={:.2f} rules_cost_ratio={:.3f} bytes_per_flow={}\n", mpps, median(ratios),
             bytes_per_flow);
  return 0;
}

}  // namespace
}  // namespace enid::card

int main(int argc, char** argv) {
  const auto argument = [&](int i, int otherwise) { return argc > i ? std::atoi(argv[i]) : otherwise; };
  return enid::card::run(static_cast<std::size_t>(argument(1, 100'000)),
                         std::chrono::milliseconds(argument(2, 100)), argument(3, 25));
}
