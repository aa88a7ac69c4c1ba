// Settings of one SRD connection: who speaks, what the network is expected to be, and every bound.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace enid::srd {

// Known to the two cards only; the control plane hands it out. Setup datagrams, resets and, through a
// session key, all other datagrams are authenticated by it.
using PairKey = std::array<std::uint64_t, 2>;

constexpr std::uint16_t kFirstPathPort = 49'152;  // The dynamic ports, RFC 6335.

struct Settings {
  std::uint64_t incarnation = 0;  // Random, drawn once at each boot of the card. Never zero.
  PairKey pair_key{};
  // By which the peer's datagrams name this connection; zero: drawn. Different for all connections of a card.
  std::uint32_t context = 0;
  bool authenticate = true;  // False: no tags on data and acknowledgements (a closed simulation).

  // The network.
  std::uint64_t link_bits_per_second = 100'000'000'000;     // The card's own; nothing is sent faster.
  Duration base_rtt = Duration::from_microseconds(14);      // Expected without queues, until measured.
  Duration target_delay = Duration::from_microseconds(12);  // Queueing aimed at, for the whole way.
  // The target is at least the time that so many of the largest messages take at the rate that the network
  // was seen to carry: on a slow one a single message takes longer than target_delay. Zero: target_delay,
  // whatever it carries.
  std::uint32_t target_messages = 0;
  std::uint32_t payload_bytes_max = 8900;  // Of one message; larger ones are refused.
  bool ecn = true;                         // Sends ECN-capable; without marks, delay alone decides.

  // The bounds. Rings grow to these by doubling and are given back when the connection idles.
  std::uint32_t paths = 64;  // 1 to 64.
  // Source ports to choose from, from kFirstPathPort on; at least as many as paths.
  std::uint32_t path_ports = 65'536 - kFirstPathPort;
  std::uint32_t flight_messages = 1024;  // Sent and not acknowledged; a power of two. Full: waits.
  std::uint32_t queue_messages = 1024;   // Accepted and not sent; a power of two. Full: send() refuses.
  std::uint32_t receive_window =
      2048;  // PSNs remembered beyond the first gap; a power of two, at most 32768.

  // Datagrams that may leave together when the owner comes late; switches have no room for long trains of
  // many senders. An owner that looks in every few microseconds must allow what it may send in that time.
  std::uint32_t burst_datagrams = 2;
  // Datagrams that take one path in turn when they leave at the same time. More than one is for kernels'
  // sockets: what takes the same way crosses the network stack together (GSO).
  std::uint32_t path_run = 1;
  Duration path_run_time = Duration::from_seconds(1);  // And no more than the network carries in this time.
  // A path that was good stays first choice for two round trips, and at least so long. Who sends rarely has
  // nothing newer to go by.
  Duration recycled_time = {};

  // The clocks.
  std::uint32_t acknowledge_messages = 8;                        // At the latest after so many datagrams,
  std::uint32_t acknowledge_bytes = 16'384;                      // so many bytes,
  Duration acknowledge_delay = Duration::from_microseconds(10);  // or so long.
  Duration rto_min = Duration::from_microseconds(200);           // 1 ms between kernels' sockets.
  Duration rto_max = Duration::from_milliseconds(500);
  Duration message_lifetime = Duration::from_seconds(3);    // After it a message fails as unresponsive.
  Duration idle_release = Duration::from_milliseconds(10);  // Rings are given back after this,
  Duration idle_close = Duration::from_seconds(60);         // and the connection closes after this.
};

}  // namespace enid::srd
