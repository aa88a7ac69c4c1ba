// ScriptedClient: an instance's network stack in the hands of a test or a fuzzer.
//
// Theory of operation
//   The client writes whole frames by hand, shows them to LinkLocalServices and keeps what comes
//   back. Its readers check every checksum of an answer, so a test of a service is a test of the
//   packets, too. Time stands still until the test moves `now`.
//
// This file is for *_test.cc and fuzz/ only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "card/services/link_local_services.h"
#include "card/services/service_addresses.h"
#include "card/services/service_packet.h"
#include "wire/arp.h"

namespace enid::card {

class ScriptedDirectory : public VpcDirectory {
 public:
  bool is_primary_address(const VpcId&, Ipv4Address address) const override {
    const auto found = neighbours.find(address);
    return found != neighbours.end();
  }
  std::optional<MacAddress> mac_of(const VpcId&, Ipv4Address address) const override {
    const auto found = neighbours.find(address);
    if (found == neighbours.end()) return std::nullopt;
    return found->second;
  }

  std::map<Ipv4Address, MacAddress> neighbours;
};

inline Ipv4Address address_of(std::string_view text) { return Ipv4Address::parse(text).value(); }
inline std::string_view text_of(ConstBytes bytes) { return as_text(bytes); }

class ScriptedClient {
 public:
  ScriptedClient() : services(LinkLocalOptions{.secret = {7, 7, 7}, .has_host_resolver = true}) {
    instance.id = InstanceId::trusted("i-0123456789abcdef0");
    instance.metadata = {{"meta-data/instance-id", "i-0123456789abcdef0"},
                         {"meta-data/local-ipv4", "10.0.1.5"},
                         {"meta-data/placement/availability-zone", "us-east-1a"},
                         {"meta-data/placement/region", "us-east-1"},
                         {"dynamic/instance-identity/document", "{}"},
                         {"user-data", "#!/bin/sh\n"}};
    directory.neighbours[address_of("10.0.1.9")] = MacAddress::parse("02:00:00:00:00:09").value();
  }

  ServiceInterface interface() const {
    return {.handle = handle,
            .mac = mac,
            .router_mac = router_mac,
            .addresses = addresses,
            .prefixes = {},
            .source_dest_check = source_dest_check,
            .mtu = mtu,
            .subnet = Ipv4Prefix::parse("10.0.1.0/24").value(),
            .vpc_cidr_blocks = blocks,
            .vpc = VpcId::trusted("vpc-0123456789abcdef0"),
            .enable_dns_support = enable_dns_support,
            .private_dns_domain = "ec2.internal",
            .instance = is_attached ? &instance : nullptr,
            .directory = &directory};
  }

  ServiceVerdict send_frame(std::vector<std::uint8_t> bytes, FrameOffload offload = {}) {
    const Frame frame{.bytes = bytes, .offload = offload};
    const ServiceVerdict verdict = services.on_frame(now, wall, interface(), frame, out);
    collect();
    return verdict;
  }

  void advance(Duration by) {
    now = now + by;
    wall.milliseconds_since_epoch += by.milliseconds();
    services.on_timeout(now, out);
    collect();
  }

  void bring_dns_answer(ConstBytes message) {
    services.on_dns_answer(now, message, out);
    collect();
  }

  // Frames of the client are made by the services' own writer, with the roles turned round.
  ReturnPath path_to(Ipv4Address target, std::uint16_t target_port, std::uint16_t source_port) const {
    return {.to = handle,
            .source_mac = mac,
            .target_mac = router_mac,
            .source = addresses.empty() ? Ipv4Address{} : addresses.front(),
            .target = target,
            .source_port = source_port,
            .target_port = target_port,
            .mtu = 9001};
  }

  ServiceVerdict send_udp(const ReturnPath& path, ConstBytes payload) {
    ServiceFrames made(1);
    write_udp(made, path, payload);
    return send_frame(made.frames().front().bytes);
  }

  ServiceVerdict send_tcp(const ReturnPath& path, const TcpSegment& segment, ConstBytes payload) {
    ServiceFrames made(1);
    write_tcp(made, path, segment, payload);
    return send_frame(made.frames().front().bytes);
  }

  ServiceVerdict send_arp(Ipv4Address sender, Ipv4Address wanted, std::uint16_t operation = 1) {
    std::vector<std::uint8_t> frame(wire::EthernetHeader::kBytes + wire::ArpPacket::kBytes);
    wire::EthernetHeader{wire::kBroadcastMac, mac, wire::ether_type::kArp}.write(frame);
    wire::ArpPacket{operation, mac, sender, {}, wanted}.write(
        Bytes(frame).subspan(wire::EthernetHeader::kBytes));
    return send_frame(frame);
  }

  // The oldest answer that nobody has looked at. The view holds until the next call.
  std::optional<ServicePacket> next_packet() {
    if (answers.empty()) return std::nullopt;
    current_ = std::move(answers.front());
    answers.erase(answers.begin());
    return ServicePacket::parse(Frame{.bytes = current_, .offload = {}});
  }
  const std::vector<std::uint8_t>& last_frame() const { return current_; }

  InterfaceHandle handle = 3;
  MacAddress mac = MacAddress::parse("02:00:00:00:00:05").value();
  MacAddress router_mac = MacAddress::parse("02:00:00:00:00:01").value();
  std::vector<Ipv4Address> addresses{address_of("10.0.1.5"), address_of("10.0.1.6")};
  std::vector<Ipv4Prefix> blocks{Ipv4Prefix::parse("10.0.0.0/16").value()};
  std::uint16_t mtu = 9001;
  bool source_dest_check = true;
  bool enable_dns_support = true;
  bool is_attached = true;
  contract::InstanceProgram instance;
  ScriptedDirectory directory;
  Instant now{1'000'000'000};
  WallTime wall{1'700'000'000'000};
  LinkLocalServices services;
  ServiceFrames out{64};
  std::vector<std::vector<std::uint8_t>> answers;

 private:
  void collect() {
    for (ServiceFrame& frame : out.frames()) answers.push_back(frame.bytes);
    out.clear();
  }

  std::vector<std::uint8_t> current_;
};

// A TCP client of one connection that acknowledges whatever comes in order.
class ScriptedConnection {
 public:
  ScriptedConnection(ScriptedClient& client, Ipv4Address service, std::uint16_t service_port,
                     std::uint16_t port = 40'000, std::uint16_t segment_bytes_max = 1460)
      : client_(client),
        path_(client.path_to(service, service_port, port)),
        segment_bytes_max_(segment_bytes_max) {}

  ServiceVerdict send(const TcpFlags& flags, std::string_view payload = {}) {
    const TcpSegment segment{.sequence = next,
                             .acknowledgement = flags.ack ? peer_next : 0,
                             .flags = flags,
                             .window = window,
                             .segment_bytes_max = flags.syn ? segment_bytes_max_ : std::uint16_t{0}};
    const ServiceVerdict verdict = client_.send_tcp(path_, segment, as_bytes(payload));
    next += static_cast<std::uint32_t>(payload.size()) + (flags.syn || flags.fin ? 1 : 0);
    return verdict;
  }

  // True when the handshake came to its end.
  bool connect() {
    send({.syn = true});
    const auto answer = client_.next_packet();
    if (!answer || !answer->tcp.flags.syn || !answer->tcp.flags.ack || answer->tcp.acknowledgement != next)
      return false;
    peer_next = answer->tcp.sequence + 1;
    peer_segment_bytes_max = answer->tcp.segment_bytes_max;
    send({.ack = true});
    return true;
  }

  // Reads what came, acknowledging as it goes, until nothing more comes.
  void read() {
    while (const auto packet = client_.next_packet()) {
      if (packet->tcp.flags.rst) was_reset = true;
      time_to_live = client_.last_frame()[kEthernetHeaderBytes + 8];
      largest_payload = std::max(largest_payload, packet->payload.size());
      if (packet->tcp.sequence != peer_next) continue;
      received.append(as_text(packet->payload));
      peer_next += static_cast<std::uint32_t>(packet->payload.size()) + (packet->tcp.flags.fin ? 1 : 0);
      if (packet->tcp.flags.fin) peer_has_closed = true;
      if (!packet->payload.empty() || packet->tcp.flags.fin) send({.ack = true});
    }
  }

  std::string exchange(std::string_view request) {
    received.clear();
    send({.psh = true, .ack = true}, request);
    read();
    return received;
  }

  std::uint32_t next = 1000;
  std::uint32_t peer_next = 0;
  std::uint16_t window = 64'000;
  std::uint16_t peer_segment_bytes_max = 0;
  std::size_t largest_payload = 0;
  std::uint8_t time_to_live = 0;
  bool peer_has_closed = false;
  bool was_reset = false;
  std::string received;

 private:
  ScriptedClient& client_;
  ReturnPath path_;
  std::uint16_t segment_bytes_max_;
};

}  // namespace enid::card
