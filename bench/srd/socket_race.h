// SocketRace: SRD over UDP sockets beside the kernel's TCP, through the same veth pair, on one core.
//
// Theory of operation
//   Two network namespaces without names, joined by a veth pair of MTU 9100; they end with the process,
//   however it ends. One thread, pinned to one core, plays both ends of either contestant without ever
//   sleeping: it fills, sends, receives and acknowledges in turns, as two cards on that core would. SRD is
//   a carrier on a host::UdpUnderlay at each end and carries messages of 8,900 bytes. TCP is one connection
//   between non-blocking sockets, written and read in pieces of 128 KB, as iperf3 does. Both receivers get
//   the bytes into their own memory and look at none.
//
//   The contestants take turns of a fraction of a second, so that neighbours disturb both alike. What counts
//   is the time of the thread on the core, in which the kernel's work on its packets is included; not the
//   time in which the machine did something else.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

namespace enid::bench {

struct RaceRound {
  double srd_gbps = 0;  // Of payload, by the core's time.
  double tcp_gbps = 0;
  double srd_wall_gbps = 0;
  double tcp_wall_gbps = 0;
};

struct RaceDetails {
  double datagrams_a_send_call = 0;
  double datagrams_a_receive_call = 0;
  double datagrams_an_acknowledgement = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t spurious = 0;
  std::uint64_t timeouts = 0;
  double smoothed_rtt_us = 0;
  double window_bytes = 0;
};

class SocketRace {
 public:
  // Refused: not root, or no namespaces.
  static Result<std::unique_ptr<SocketRace>> create();
  ~SocketRace();
  SocketRace(const SocketRace&) = delete;
  SocketRace& operator=(const SocketRace&) = delete;

  RaceRound round(double seconds_each);
  RaceDetails details() const;

 private:
  struct Parts;
  explicit SocketRace(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::bench
