// RuleSet: one direction of one security group, compiled for matching.
//
// Theory of operation
//   Rules only allow, so order does not matter, and an interface's groups are matched one after
//   the other. Matching is a scan: it is paid by the first packet of a flow only. A rule that
//   names a group asks whether the peer's address is among that group's members.
//
// Documented: EC2 User Guide, "Security group rules": rules permit, there is no deny; a rule that
//   names a security group stands for the private addresses of the interfaces in it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "contract/card_program.h"

namespace enid::card {

// Whose addresses are in a security group. Each address keeps the interface it is of, so that an
// address that moves is not lost when its old owner is updated after its new one.
class GroupMembers {
 public:
  void add(Ipv4Address address, std::uint32_t interface) { addresses_[address.value] = interface; }
  void remove(Ipv4Address address, std::uint32_t interface);
  void add(const Ipv4Prefix& prefix, std::uint32_t interface);
  void remove(const Ipv4Prefix& prefix, std::uint32_t interface);
  bool contains(Ipv4Address address) const;
  bool empty() const { return addresses_.empty() && prefixes_.empty(); }

 private:
  struct MemberPrefix {
    Ipv4Prefix prefix;
    std::uint32_t interface;
    bool operator==(const MemberPrefix&) const = default;
  };
  std::unordered_map<std::uint32_t, std::uint32_t> addresses_;
  std::vector<MemberPrefix> prefixes_;
};

// What of a packet rules can ask for.
struct RulePacket {
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;  // The destination's.
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  Ipv4Address peer;  // Ingress: the source. Egress: the destination.
};

class RuleSet {
 public:
  struct Rule {
    std::int16_t protocol;
    bool any_port;  // Or not a protocol with ports.
    bool any_icmp_type;
    bool any_icmp_code;
    std::uint16_t from_port;  // ICMP: the type.
    std::uint16_t to_port;    // ICMP: the code.
    std::uint32_t address;
    std::uint32_t mask;
    std::shared_ptr<const GroupMembers> members;       // Null: the peer is the prefix.
    const contract::SecurityGroupRuleProgram* source;  // In the group's program, for traces.

    bool any_address() const { return members == nullptr && mask == 0; }
    bool matches(const RulePacket& packet) const;
  };

  void clear() { *this = {}; }
  // `members` is the peer group's, when the peer is a group. IPv6 peers are left out: no
  // interface has an IPv6 address that they could admit.
  void add(const contract::SecurityGroupRuleProgram& program, std::shared_ptr<const GroupMembers> members);

  const Rule* match(const RulePacket& packet) const;
  // Only rules for 0.0.0.0/0.
  bool match_any_address(const RulePacket& packet) const;
  // A rule for 0.0.0.0/0 permits every port of this protocol.
  bool opens_all_ports(std::uint8_t protocol) const;

 private:
  std::vector<Rule> rules_;
  bool opens_all_tcp_ = false;
  bool opens_all_udp_ = false;
};

// "sgr-… tcp 22-22 from 10.0.0.0/16"
std::string text_of(const contract::SecurityGroupRuleProgram& rule, bool ingress);

}  // namespace enid::card
