// SocketRace: SRD over UDP sockets beside the kernel's TCP, through the same veth pair, on one core.
//
// Theory of operation
//   Two network namespaces without names, joined by a veth pair of MTU 9100; they end with the process,
//   however it ends. Three contestants, each on the same one core with both its ends:
//     SRD        a carrier on a host::UdpUnderlay at each end, messages of 8,900 bytes; one thread plays both
//     ends
//                and never sleeps: it sends a batch, receives, acknowledges, as two cards on that core would
//     TCP        one connection as programs use it: a thread that writes and a thread that reads pieces of
//     128 KB,
//                as iperf3 does
//     cached TCP  the same without threads, waiting and queues: one thread writes 128 KB, reads them, and so
//     on,
//                so that everything stays in the processor's cache. No program does that; it is what the
//                kernel can do at best.
//   All receivers get the bytes into their own memory and look at none.
//
//   The contestants take turns of a fraction of a second, so that neighbours disturb all alike. What counts
//   is time on the core, in which the kernel's work on their packets is included; not the time in which the
//   machine did something else.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

namespace enid::bench {

// Payload, in Gbit/s.
struct Rate {
  double by_core = 0;  // By the core's time,
  double by_wall = 0;  // and by the clock on the wall.
};

struct RaceRound {
  Rate srd;
  Rate tcp;
  Rate cached_tcp;
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
