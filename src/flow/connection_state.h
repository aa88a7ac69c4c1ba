// ConnectionState: how far a tracked connection is, from nothing but the packets that passed.
//
// Theory of operation
//   A security group needs far less than a TCP stack: whether the handshake was answered, and
//   whether the connection is over, so that an idle one is kept for the right time. Sequence
//   numbers are not followed. UDP becomes a stream when a second request was answered.
//
// Invariants
//   (1) A lone SYN that is not the initiator's retransmission is refused: it begins another
//       connection, which needs a rule of its own.
//   (2) A closed connection never opens again by itself.
//
// Sources
//   Documented: EC2 User Guide, "Security group connection tracking": TCP established 432,000 s;
//     UDP with traffic in one direction or a single request and response 30 s; a UDP stream, more than
//     one request and response, 180 s; other protocols 600 s.
//   Chosen: 60 s for a handshake and for a half-closed connection, 30 s after the end, 30 s for ICMP.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"
#include "wire/tcp.h"

namespace enid::flow {

enum class ConnectionState : std::uint8_t {
  kTcpSynSent,
  kTcpSynAnswered,
  kTcpEstablished,
  kTcpInitiatorDone,  // The initiator sent FIN.
  kTcpResponderDone,
  kTcpClosed,    // Both sent FIN, or one RST.
  kUdpAsked,     // Packets of the initiator only.
  kUdpAnswered,  // One answer.
  kUdpAskedAgain,
  kUdpStream,
  kIcmp,
  kOther,
};
constexpr std::size_t kConnectionStates = 12;

// Idle time after which a connection is forgotten, by state.
using ConnectionTimeouts = std::array<Duration, kConnectionStates>;

constexpr ConnectionTimeouts connection_timeouts(Duration tcp_established, Duration udp_stream,
                                                 Duration udp) {
  constexpr Duration kMinute = Duration::from_seconds(60);
  constexpr Duration kHalfMinute = Duration::from_seconds(30);
  return {kMinute,    kMinute,     tcp_established,
          kMinute,    kMinute,     kHalfMinute,
          udp,        udp,         udp,
          udp_stream, kHalfMinute, Duration::from_seconds(600)};
}

struct ConnectionStep {
  ConnectionState state;
  bool refused = false;
};

constexpr bool is_lone_syn(std::uint8_t tcp_flags) {
  using namespace wire::tcp_flag;
  return (tcp_flags & (kSyn | kAck | kRst | kFin)) == kSyn;
}

// No packet moves the state, except TCP's SYN, FIN and RST.
constexpr bool is_settled(ConnectionState state) {
  using enum ConnectionState;
  return state == kTcpEstablished || state == kUdpStream || state == kOther;
}

constexpr ConnectionStep tcp_step(ConnectionState state, bool from_initiator, std::uint8_t flags) {
  using enum ConnectionState;
  using namespace wire::tcp_flag;
  if ((flags & kRst) != 0) return {kTcpClosed};
  if (is_lone_syn(flags)) {
    const bool retransmission = from_initiator && (state == kTcpSynSent || state == kTcpSynAnswered);
    return {state, !retransmission};
  }
  if ((flags & kFin) != 0) {
    const ConnectionState other_done = from_initiator ? kTcpResponderDone : kTcpInitiatorDone;
    if (state == kTcpClosed || state == other_done) return {kTcpClosed};
    return {from_initiator ? kTcpInitiatorDone : kTcpResponderDone};
  }
  if (state == kTcpSynSent && !from_initiator && (flags & (kSyn | kAck)) == (kSyn | kAck))
    return {kTcpSynAnswered};
  if (state == kTcpSynAnswered && from_initiator && (flags & kAck) != 0) return {kTcpEstablished};
  return {state};
}

constexpr ConnectionStep connection_step(ConnectionState state, bool from_initiator, std::uint8_t tcp_flags) {
  using enum ConnectionState;
  switch (state) {
    case kTcpEstablished: {
      using namespace wire::tcp_flag;
      if ((tcp_flags & (kSyn | kFin | kRst)) == 0) return {kTcpEstablished};
      return tcp_step(state, from_initiator, tcp_flags);
    }
    case kUdpStream:
    case kIcmp:
    case kOther:
      return {state};
    case kUdpAsked:
      return {from_initiator ? kUdpAsked : kUdpAnswered};
    case kUdpAnswered:
      return {from_initiator ? kUdpAskedAgain : kUdpAnswered};
    case kUdpAskedAgain:
      return {from_initiator ? kUdpAskedAgain : kUdpStream};
    default:
      return tcp_step(state, from_initiator, tcp_flags);
  }
}

}  // namespace enid::flow
