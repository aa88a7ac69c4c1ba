// HostsLab: several cards on a network within one process, with one VPC, for tests.
//
//   Three hosts of three labs (card_lab.h); an interface is placed on one and told to all. turn() lets time
//   pass on all hosts: what is on its way arrives, and timers go off. The network may lose, delay and mix
//   what it carries; see Harm.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "card/card_lab.h"
#include "fabric/memory_underlay.h"
#include "srd/host_settings.h"

namespace enid::card::hosts_lab {

constexpr std::uint32_t kVni = 4711;
constexpr int kHosts = 3;

inline Ipv4Address underlay_address(int host) { return {0xc0a80000u + static_cast<std::uint32_t>(host)}; }
inline HostId host_id(int host) { return HostId::trusted("h" + std::to_string(host)); }
inline contract::PairKey pair_key(int a, int b) {
  return {7 + static_cast<std::uint64_t>(std::min(a, b)), 9 + static_cast<std::uint64_t>(std::max(a, b))};
}

inline TestPacket udp(const std::string& from, const std::string& to, std::uint16_t payload = 10) {
  return {.from = from, .to = to, .payload = payload};
}

// One host: a lab whose card knows the others. Its interfaces are told to all.
struct Host {
  Host(fabric::MemoryNetwork& network, int number, CardOptions options)
      : lab(with_host(std::move(options), number)), underlay(network, underlay_address(number)) {
    lab.card.attach_underlay(&underlay);
    contract::VpcProgram vpc;
    vpc.id = VpcId::trusted("vpc-1");
    vpc.vni = kVni;
    vpc.cidr_blocks = {*Ipv4Prefix::parse("10.0.0.0/16")};
    lab.apply({vpc});
    lab.group("sg-1", {CardLab::any("sgr-1", "sg-1")}, {CardLab::any("sgr-2", "0.0.0.0/0")});
    lab.group("sg-closed", {}, {CardLab::any("sgr-3", "0.0.0.0/0")});
  }
  static CardOptions with_host(CardOptions options, int number) {
    options.host = host_id(number);
    return options;
  }
  void arrive() {
    while (lab.card.poll_underlay(lab.now, {}) != 0) {
    }
  }
  std::uint64_t underlay_drops(const std::string& reason) {
    const auto drops = lab.card.report().underlay.drops;
    const auto found = drops.find(reason);
    return found == drops.end() ? 0 : found->second;
  }

  CardLab lab;
  fabric::MemoryUnderlay underlay;
};

// What the network does to datagrams by chance, in thousandths of them.
struct Harm {
  std::uint32_t loss = 0;
  std::uint32_t disorder = 0;
};

class HostsLab {
 public:
  // `options` of the card of each host; host and seeds are the lab's to say.
  explicit HostsLab(CardOptions options = {}) : options_(std::move(options)) {
    for (int number = 1; number <= kHosts; ++number) hosts.emplace_back();
    for (int number = 1; number <= kHosts; ++number) boot(number);
  }
  // ENA Express on all cards.
  static CardOptions with_srd() {
    CardOptions options;
    options.express.carrier.emplace();
    options.express.carrier->settings = srd::host_settings(10'000'000'000);
    return options;
  }

  Host& host(int number) { return *hosts[static_cast<std::size_t>(number - 1)]; }

  // A card that knows nothing yet but what it is told now. The ports of its interfaces are new.
  void boot(int number) {
    auto& host = hosts[static_cast<std::size_t>(number - 1)];
    host.reset();
    if (options_.express.carrier) {
      options_.express.carrier->incarnation = random.next() | 1;
      options_.express.carrier->seed = random.next();
    }
    host = std::make_unique<Host>(network, number, options_);
    host->lab.now = now;
    for (int other = 1; other <= kHosts; ++other)
      host->lab.apply(
          {contract::HostProgram{host_id(other), underlay_address(other),
                                 options_.express.carrier ? pair_key(number, other) : contract::PairKey{}}});
    for (const auto& [name, program] : programs) tell(number, name);
    for (const auto& [name, program] : programs)
      if (program.host == host_id(number)) host->lab.plug(name);
  }

  void place(const std::string& name, const std::string& address, const std::string& group, int where) {
    contract::InterfaceProgram& program = programs[name];
    program.id = CardLab::id_of(name);
    program.vpc = VpcId::trusted("vpc-1");
    program.subnet = SubnetId::trusted(std::string("subnet-") + address[5]);
    program.addresses = {*Ipv4Address::parse(address)};
    program.mac.bytes = {0x02, 0, 0, 0, 1, static_cast<std::uint8_t>(programs.size())};
    program.groups = {SecurityGroupId::trusted(group)};
    program.instance = InstanceId::trusted("i-" + name);
    program.host = host_id(where);
    tell_all(name);
    host(where).lab.plug(name);
  }
  void tell(int number, const std::string& name) {
    host(number).lab.interfaces[name] = programs[name];
    host(number).lab.apply({programs[name]});
  }
  void tell_all(const std::string& name) {
    for (int number = 1; number <= kHosts; ++number) tell(number, name);
  }
  void arrive_everywhere() {
    for (int round = 0; round < 3; ++round)
      for (auto& each : hosts) each->arrive();
  }
  // How many frames come out at `receiver` on host `to` when `sender` on host `from` sends one packet.
  std::size_t send(int from, const std::string& sender, int to, const std::string& receiver,
                   const TestPacket& packet) {
    host(to).lab.arrived(receiver);
    host(from).lab.send(sender, packet);
    arrive_everywhere();
    return host(to).lab.arrived(receiver);
  }

  // Time passes on all hosts.
  void turn(Duration time = Duration::from_microseconds(50)) {
    now = now + time;
    for (auto& each : hosts) {
      each->lab.now = now;
      do_harm(each->underlay);
      each->arrive();
      if (each->lab.card.next_timeout() <= now) each->lab.card.on_timeout(now);
    }
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }

  Random random{4711};
  fabric::MemoryNetwork network;
  std::vector<std::unique_ptr<Host>> hosts;
  std::map<std::string, contract::InterfaceProgram> programs;
  Instant now{1'000'000'000};
  Harm harm;

 private:
  bool by_chance(std::uint32_t thousandths) { return random.below(1000) < thousandths; }
  void do_harm(fabric::MemoryUnderlay& at) {
    if (harm.loss == 0 && harm.disorder == 0) return;
    std::deque<fabric::MemoryUnderlay::Kept> kept;
    std::swap(kept, at.waiting);
    for (auto& datagram : kept) {
      if (by_chance(harm.loss)) continue;
      at.waiting.push_back(std::move(datagram));
      if (by_chance(harm.disorder)) std::swap(at.waiting.back(), at.waiting[random.below(at.waiting.size())]);
    }
  }

  CardOptions options_;
};

}  // namespace enid::card::hosts_lab
