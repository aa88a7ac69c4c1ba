#include "card/stages/security_group.h"

#include <algorithm>

#include "wire/icmp.h"

namespace enid::card {
namespace {

using flow::ConnectionRef;
using flow::ConnectionState;
using flow::FlowKey;

enum class Direction : std::uint8_t { kOutbound, kInbound };

Direction opposite(Direction direction) {
  return direction == Direction::kOutbound ? Direction::kInbound : Direction::kOutbound;
}

const RuleSet& rules_of(const SecurityGroup& group, Direction direction) {
  return direction == Direction::kOutbound ? group.egress : group.ingress;
}

// A packet's key in its own direction, written from the interface's side.
FlowKey connection_key(const FlowKey& key, std::uint32_t interface, Direction direction) {
  FlowKey connection = key;
  if (direction == Direction::kInbound) {
    std::swap(connection.source, connection.destination);
    std::swap(connection.source_port, connection.destination_port);
  }
  connection.scope = FlowKey::scope_of(interface, key.protocol());
  return connection;
}

RulePacket rule_packet(const Packet& packet, Direction direction) {
  RulePacket asked;
  asked.protocol = packet.protocol();
  asked.port = packet.key.destination_port;
  asked.icmp_type = packet.icmp_type;
  asked.icmp_code = packet.icmp_code;
  asked.peer = direction == Direction::kOutbound ? packet.destination() : packet.source();
  return asked;
}

const RuleSet::Rule* match(const Interface& interface, Direction direction, const RulePacket& asked) {
  for (const SecurityGroup* group : interface.groups)
    if (const RuleSet::Rule* rule = rules_of(*group, direction).match(asked)) return rule;
  return nullptr;
}

bool match_any_address(const Interface& interface, Direction direction, const RulePacket& asked) {
  return std::ranges::any_of(interface.groups, [&](const SecurityGroup* group) {
    return rules_of(*group, direction).match_any_address(asked);
  });
}

bool opens_all_ports(const Interface& interface, Direction direction, std::uint8_t protocol) {
  return std::ranges::any_of(interface.groups, [&](const SecurityGroup* group) {
    return rules_of(*group, direction).opens_all_ports(protocol);
  });
}

bool is_untracked(const Interface& interface, Direction direction, const Packet& packet) {
  if (!packet.is_tcp() && !packet.is_udp()) return false;
  const std::uint8_t protocol = packet.protocol();
  const RulePacket request = rule_packet(packet, direction);
  if (opens_all_ports(interface, opposite(direction), protocol) &&
      match_any_address(interface, direction, request))
    return true;
  // Or the packet is the answer of such a flow, which began in the other direction.
  RulePacket answered = request;
  answered.port = packet.key.source_port;
  return opens_all_ports(interface, direction, protocol) &&
         match_any_address(interface, opposite(direction), answered);
}

// The state in which a packet begins a connection; kNone: it cannot begin one.
struct Beginning {
  bool begins;
  ConnectionState state;
};

Beginning beginning_of(const Packet& packet) {
  if (packet.is_tcp()) return {flow::is_lone_syn(packet.tcp_flags), ConnectionState::kTcpSynSent};
  if (packet.is_udp()) return {true, ConnectionState::kUdpAsked};
  if (packet.is_icmp()) return {packet.icmp_type == wire::icmp_type::kEchoRequest, ConnectionState::kIcmp};
  return {true, ConnectionState::kOther};
}

// Passes by a tracked connection? Sets `connection` when the packet belongs to one.
bool passes_tracked(Walk& walk, Interface& interface, Direction direction, ConnectionRef& connection) {
  const Packet& packet = walk.packet;
  flow::ConnectionTable& connections = walk.card.connections;
  if (packet.quotes_a_packet) {
    // The error goes against the direction of the packet that it quotes.
    const FlowKey quoted = connection_key(packet.quoted, interface.handle, opposite(direction));
    return static_cast<bool>(connections.find(quoted, walk.now));
  }
  const FlowKey key = connection_key(packet.key, interface.handle, direction);
  const ConnectionRef found = connections.find(key, walk.now);
  if (!found) return false;
  const bool outbound = direction == Direction::kOutbound;
  const bool passes = walk.traced ? connections.would_pass(found, outbound, packet.tcp_flags, walk.now)
                                  : connections.touch(found, outbound, packet.tcp_flags, interface.timeouts,
                                                      walk.now) != flow::ConnectionTable::Touch::kRefused;
  if (passes) connection = found;
  return passes;
}

StageResult gate(Walk& walk, Interface& interface, Direction direction, ConnectionRef& connection) {
  walk.card.tables.resolve(interface);
  const Packet& packet = walk.packet;
  const bool inbound = direction == Direction::kInbound;
  if (passes_tracked(walk, interface, direction, connection)) {
    if (walk.traced)
      walk.detail = packet.quotes_a_packet ? "error about a tracked connection" : "tracked connection";
    return StageResult::kPass;
  }
  const RuleSet::Rule* rule = match(interface, direction, rule_packet(packet, direction));
  if (rule == nullptr) {
    if (walk.traced) {
      walk.detail = interface.groups.empty() ? "no known security group" : "no rule of";
      for (const SecurityGroup* group : interface.groups) walk.detail += " " + group->program.id.text();
    }
    return walk.drop(inbound ? DropReason::kNoIngressRule : DropReason::kNoEgressRule);
  }
  const bool untracked = is_untracked(interface, direction, packet);
  const Beginning beginning = beginning_of(packet);
  if (walk.traced) {
    walk.detail = text_of(*rule->source, inbound);
    if (untracked) walk.detail += ", untracked";
    return StageResult::kPass;
  }
  if (untracked) return StageResult::kPass;
  if (!beginning.begins) {
    walk.packet.cacheable =
        false;  // A connection may begin between the same ports, and must see its packets.
    return StageResult::kPass;
  }

  flow::ConnectionTable& connections = walk.card.connections;
  const FlowKey key = connection_key(packet.key, interface.handle, direction);
  // An older connection with the same ports has been refused above: this one takes its place.
  connections.erase(connections.find(key, walk.now));
  connection = connections.create(key, !inbound, beginning.state, interface.timeouts, walk.now);
  return connection ? StageResult::kPass : walk.drop(DropReason::kConnectionTableFull);
}

}  // namespace

StageResult security_group_egress(Walk& walk) {
  return gate(walk, *walk.from, Direction::kOutbound, walk.decision.egress_connection);
}

StageResult security_group_ingress(Walk& walk) {
  return gate(walk, *walk.to, Direction::kInbound, walk.decision.ingress_connection);
}

bool admits_icmp_error(CardState& card, Interface& to, Ipv4Address error_source, std::uint8_t type,
                       std::uint8_t code, const FlowKey& quoted, Instant now) {
  if (card.connections.find(connection_key(quoted, to.handle, Direction::kOutbound), now)) return true;
  card.tables.resolve(to);
  const RulePacket error{wire::ip_protocol::kIcmp, 0, type, code, error_source};
  return match(to, Direction::kInbound, error) != nullptr;
}

}  // namespace enid::card
