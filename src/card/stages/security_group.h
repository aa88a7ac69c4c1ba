// security_group: the two gates of stateful security groups: out of the sender's interface, and
// into the receiver's. Each decides by its own interface's rules and its own tracked connections.
//
// Theory of operation
//   A packet of a tracked connection passes, in both directions, whatever the rules say now.
//   Another packet needs a rule of its direction. If it begins a conversation (a lone SYN, an
//   echo request, any UDP or other packet), a connection is tracked from then on, unless the
//   flow is an untracked one. What cannot begin a conversation (a TCP segment in the middle, an
//   echo reply) may pass by a rule, but opens nothing for its answers.
//
//   A flow is untracked when a rule for 0.0.0.0/0 lets it pass in one direction, and a rule for
//   0.0.0.0/0 and all ports lets every answer pass in the other. Its packets are judged by
//   the rules alone, so it is cut when one of the two rules goes.
//
//   An ICMP error passes when the packet that it quotes is of a tracked connection.
//
// Sources
//   Documented: EC2 User Guide, "Security group connection tracking": responses to allowed
//     traffic may flow regardless of rules; tracked flows survive a change of rules; untracked flows are
//     interrupted at once; ICMP is always tracked.
//   Chosen: TCP segments in the middle of a connection that nobody tracks do not begin tracking,
//     or the server's next segment would open again what the removal of a rule has just cut.
#pragma once

#include "card/walk.h"

namespace enid::card {

StageResult security_group_egress(Walk& walk);
StageResult security_group_ingress(Walk& walk);

// True when the receiver-side gate of `to` would let this ICMP error pass to it: for errors that
// the card itself makes. `quoted` is the packet that the interface sent, in its own direction.
bool admits_icmp_error(CardState& card, Interface& to, Ipv4Address error_source, std::uint8_t type,
                       std::uint8_t code, const flow::FlowKey& quoted, Instant now);

}  // namespace enid::card
