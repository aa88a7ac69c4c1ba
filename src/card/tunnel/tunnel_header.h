// What stands before a frame between two cards: Geneve, with options of our own.
//
// Theory of operation
//   A frame travels as it is delivered: its destination MAC is the receiving interface's, which together with
//   the VNI names that interface. A card that gets a frame for an interface which has moved sends it on once,
//   marked kForwarded, and tells the sender by a control message (kMoved) where the interface is now. A frame
//   with the mark is never sent on again, so no two cards can play ball with it.
//
// Documented: RFC 8926 section 3.5 (options; classes from 0xff00 are for experiments).
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace enid::card {

constexpr std::uint16_t kTunnelOptionClass = 0xff65;  // Chosen: "e".
enum class TunnelOption : std::uint8_t { kForwarded = 1, kMoved = 2 };

// "The interface with this MAC is behind the card at this address."
struct MovedNotice {
  MacAddress mac;
  Ipv4Address host;

  bool operator==(const MovedNotice&) const = default;
};

struct TunnelHeader {
  // Geneve, one option with the longest value.
  static constexpr std::size_t kBytesMax = 8 + 4 + 12;

  std::uint32_t vni = 0;
  bool is_forwarded = false;
  std::optional<MovedNotice> moved = std::nullopt;  // A control message: no frame follows.

  // `into` has at least kBytesMax bytes; answers how many were written.
  std::size_t write(Bytes into) const;
};

struct TunnelDatagram {
  TunnelHeader header;
  Bytes frame;  // Empty with a control message.
};

// Empty: not Geneve, not Ethernet inside, a critical option that is not ours, or a control message without
// sense.
std::optional<TunnelDatagram> parse_tunnel_datagram(Bytes bytes);

}  // namespace enid::card
