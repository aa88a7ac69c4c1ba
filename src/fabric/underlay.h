// Underlay: datagrams between the cards of different hosts, over whatever network joins them.
//
// Theory of operation
//   The underlay routes by plain ECMP: a datagram's path follows from its addresses and ports. A sender
//   chooses among kPaths source ports; which path each of them takes nobody knows, but it stays the same
//   while the network does, and what goes over one of them arrives in order. Two kinds of traffic have a port
//   of their own each: frames in Geneve, and SRD.
//
//   host/udp_underlay sends over UDP sockets; the simulator and the tests have worlds of their own.
//
// Invariants
//   (1) Datagrams from receive() stay valid until the next receive().
//   (2) send() has taken what it needs of a datagram when it returns. Nothing is promised about its arrival.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"

namespace enid::fabric {

// Chosen: srd's 64 slots of a context, and as many spare ones for paths that died.
constexpr std::uint16_t kPaths = 128;

enum class Channel : std::uint8_t { kGeneve, kSrd };

struct OutgoingDatagram {
  Ipv4Address to;
  Channel channel = Channel::kGeneve;
  std::uint16_t path = 0;  // Below kPaths.
  bool is_ecn_capable = false;
  // One after the other; together at most what fits the path's MTU. The first may be empty.
  ConstBytes header{};
  ConstBytes payload{};
};

struct ArrivedDatagram {
  Ipv4Address from;
  Channel channel = Channel::kGeneve;
  bool is_congestion_experienced = false;
  Bytes bytes{};
};

class Underlay {
 public:
  virtual ~Underlay() = default;

  // Takes datagrams from the front; answers how many. The others found no room and may be offered again.
  virtual std::size_t send(std::span<const OutgoingDatagram> datagrams) = 0;
  // Fills from the front with what waits; answers how many. Never blocks.
  virtual std::size_t receive(std::span<ArrivedDatagram> datagrams) = 0;
  // The largest IP packet, in bytes, that the first hop to this host carries. Refused: there is no way there.
  virtual Result<std::uint32_t> mtu_to(Ipv4Address host) = 0;
};

}  // namespace enid::fabric
