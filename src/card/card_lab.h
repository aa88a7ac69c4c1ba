// CardLab: a small VPC around a real card, for tests: instances a test can name, packets it can
// send by address and port, and what arrived.
//
//   Instances are called by one letter or more; "a" has interface "eni-a", instance "i-a". Subnet
//   10.0.1.0/24 is "subnet-1", and so on. Time stands still unless the test moves `now`.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "card/card.h"
#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

namespace enid::card {

// A port whose other side is two lists.
class MemoryPort final : public FramePort {
 public:
  struct Kept {
    std::vector<std::uint8_t> bytes;
    FrameOffload offload;
  };

  std::size_t receive(std::span<Frame> frames) override {
    lent_.clear();
    std::size_t count = 0;
    for (; count < frames.size() && !to_card.empty(); ++count) {
      lent_.push_back(std::move(to_card.front()));
      to_card.pop_front();
      frames[count] = {lent_.back().bytes, lent_.back().offload};
    }
    return count;
  }
  std::size_t transmit(std::span<const Frame> frames) override {
    std::size_t count = 0;
    for (; count < frames.size() && from_card.size() < room; ++count)
      from_card.push_back({{frames[count].bytes.begin(), frames[count].bytes.end()}, frames[count].offload});
    return count;
  }

  void set_allowances(AllowanceSource* source) override { allowances = source; }
  bool likes_super_frames() const override { return merges; }

  std::deque<Kept> to_card;
  std::deque<Kept> from_card;
  AllowanceSource* allowances = nullptr;
  bool merges = false;
  std::size_t room = 1'000'000;

 private:
  std::deque<Kept> lent_;
};

struct TestPacket {
  std::string from;  // Addresses.
  std::string to;
  std::uint8_t protocol = wire::ip_protocol::kUdp;
  std::uint16_t source_port = 1000;
  std::uint16_t target_port = 2000;
  std::uint8_t flags = wire::tcp_flag::kSyn;
  std::uint8_t icmp_type = wire::icmp_type::kEchoRequest;
  std::uint16_t payload = 0;
  std::uint8_t time_to_live = 64;
  std::uint16_t fragment = 0;  // Flags and offset.
  FrameOffload offload = {};
};

class CardLab {
 public:
  using Rule = contract::SecurityGroupRuleProgram;

  explicit CardLab(const CardOptions& options = {}) : card(options) {
    contract::VpcProgram vpc;
    vpc.id = VpcId::trusted("vpc-1");
    vpc.cidr_blocks = {*Ipv4Prefix::parse("10.0.0.0/16")};
    vpc.private_dns_domain = "ec2.internal";
    apply({vpc});
    for (int i = 1; i <= 3; ++i) {
      const std::string number = std::to_string(i);
      apply({contract::SubnetProgram{SubnetId::trusted("subnet-" + number), vpc.id,
                                     *Ipv4Prefix::parse("10.0." + number + ".0/24")}});
    }
  }

  void apply(std::vector<contract::Entity> upserts, std::vector<contract::EntityId> removes = {}) {
    card.apply({++revision, std::move(upserts), std::move(removes)}, now);
  }

  static Rule rule(const std::string& id, int protocol, int from_port, int to_port, const std::string& peer) {
    Rule made;
    made.id = SecurityGroupRuleId::trusted(id);
    made.protocol = static_cast<std::int16_t>(protocol);
    made.from_port = from_port;
    made.to_port = to_port;
    if (peer.starts_with("sg-")) {
      made.peer = SecurityGroupId::trusted(peer);
    } else if (peer.find(':') != std::string::npos) {
      made.peer = *Ipv6Prefix::parse_loose(peer);
    } else {
      made.peer = *Ipv4Prefix::parse(peer);
    }
    return made;
  }
  static Rule any(const std::string& id, const std::string& peer = "0.0.0.0/0") {
    return rule(id, contract::kAnyProtocol, -1, -1, peer);
  }
  void group(const std::string& id, std::vector<Rule> ingress, std::vector<Rule> egress) {
    apply({contract::SecurityGroupProgram{SecurityGroupId::trusted(id), VpcId::trusted("vpc-1"),
                                          std::move(ingress), std::move(egress)}});
  }

  // An interface of its own instance, with its port plugged in.
  contract::InterfaceProgram& interface(const std::string& name, const std::string& address,
                                        const std::vector<std::string>& groups) {
    contract::InterfaceProgram& program = interfaces[name];
    program.id = id_of(name);
    program.vpc = VpcId::trusted("vpc-1");
    program.subnet = SubnetId::trusted(std::string("subnet-") + address[5]);
    program.addresses = {*Ipv4Address::parse(address)};
    program.mac.bytes = {0x02, 0, 0, 0, 0, static_cast<std::uint8_t>(interfaces.size())};
    for (const std::string& group : groups) program.groups.push_back(SecurityGroupId::trusted(group));
    program.instance = InstanceId::trusted("i-" + name);
    plug(name);
    apply({program});
    return program;
  }
  void update(const std::string& name) { apply({interfaces[name]}); }
  void plug(const std::string& name) {
    auto port = std::make_unique<MemoryPort>();
    handles[name] = card.attach_port(id_of(name), *port);
    ports[name] = std::move(port);  // The one before is no longer attached.
  }
  void unplug(const std::string& name) { card.detach_port(handles[name]); }

  static NetworkInterfaceId id_of(const std::string& name) {
    return NetworkInterfaceId::trusted("eni-" + name);
  }

  std::vector<std::uint8_t> frame_of(const std::string& name, const TestPacket& packet) {
    using namespace wire;
    std::size_t l4_bytes = packet.protocol == ip_protocol::kTcp ? 20u : 8u;
    if ((packet.fragment & Ipv4Header::kFragmentOffsetMask) != 0) l4_bytes = 0;
    std::vector<std::uint8_t> frame(14 + 20 + l4_bytes + packet.payload, 0x5a);
    EthernetHeader{{{0x02, 0x65, 0x6e, 0x69, 0x64, 0x01}}, interfaces[name].mac, ether_type::kIpv4}.write(
        frame);
    Ipv4Header ip;
    ip.total_bytes = static_cast<std::uint16_t>(frame.size() - 14);
    ip.identification = 7;
    ip.fragment = packet.fragment;
    ip.time_to_live = packet.time_to_live;
    ip.protocol = packet.protocol;
    ip.source = *Ipv4Address::parse(packet.from);
    ip.destination = *Ipv4Address::parse(packet.to);
    ip.write(Bytes(frame).subspan(14));
    const Bytes l4 = Bytes(frame).subspan(34);
    if (l4_bytes == 0) return frame;
    if (packet.protocol == ip_protocol::kTcp) {
      TcpHeader tcp;
      tcp.source_port = packet.source_port;
      tcp.destination_port = packet.target_port;
      tcp.flags = packet.flags;
      tcp.write(l4);
    } else if (packet.protocol == ip_protocol::kIcmp) {
      IcmpHeader icmp;
      icmp.type = packet.icmp_type;
      icmp.identifier = packet.source_port;
      icmp.write(l4);
    } else {
      UdpHeader{packet.source_port, packet.target_port, static_cast<std::uint16_t>(l4.size()), 0}.write(l4);
    }
    return frame;
  }

  void send_frame(const std::string& name, std::vector<std::uint8_t> frame, FrameOffload offload = {}) {
    ports[name]->to_card.push_back({std::move(frame), offload});
    card.poll(handles[name], now, {});
  }
  void send(const std::string& name, const TestPacket& packet) {
    send_frame(name, frame_of(name, packet), packet.offload);
  }
  // How many frames have arrived since the last call.
  std::size_t arrived(const std::string& name) {
    const std::size_t count = ports[name]->from_card.size();
    if (count != 0) last = ports[name]->from_card.back();
    ports[name]->from_card.clear();
    return count;
  }
  bool passes(const std::string& sender, const std::string& receiver, const TestPacket& packet) {
    arrived(receiver);
    send(sender, packet);
    return arrived(receiver) != 0;
  }
  contract::InterfaceCounters counters(const std::string& name) {
    for (const auto& counters : card.report().interfaces)
      if (counters.id == id_of(name)) return counters;
    return {};
  }
  std::uint64_t drops(const std::string& name, const std::string& reason) {
    const auto drops = counters(name).drops;
    const auto found = drops.find(reason);
    return found == drops.end() ? 0 : found->second;
  }

  Card card;
  Instant now{1'000'000'000};
  std::uint64_t revision = 0;
  std::map<std::string, contract::InterfaceProgram> interfaces;
  std::map<std::string, std::unique_ptr<MemoryPort>> ports;
  std::map<std::string, PortHandle> handles;
  MemoryPort::Kept last;  // Of the frames that arrived() counted.
};

}  // namespace enid::card
