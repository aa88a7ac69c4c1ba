// TcpResponder: the TCP connections of all interfaces to the card's services.
//
// Theory of operation
//   A SYN is answered without remembering it: our first sequence number is a keyed hash of the
//   connection's addresses and the peer's number, with the time and the peer's MSS in its low
//   bits (Bernstein's SYN cookies). The segment that acknowledges it makes the connection. So
//   half-open connections cost nothing, and two connections of one address pair have sequence
//   numbers of different places (RFC 6528).
//
// Invariants
//   (1) An interface has at most kConnectionsPerInterface connections; a further one takes the
//       place of the one that was silent the longest.
//   (2) timers_ holds exactly one entry for each connection.
//
// Documented: RFC 4987 section 3.6 (SYN cookies); RFC 9293 section 3.10.7.1 (resets).
#pragma once

#include <map>
#include <set>
#include <utility>

#include "base/time.h"
#include "card/services/keyed_hash.h"
#include "card/services/tcp_connection.h"

namespace enid::card {

struct TcpKey {
  InterfaceHandle interface = 0;  // First, so that an interface's connections stand together.
  Ipv4Address peer;
  std::uint16_t peer_port = 0;
  Ipv4Address service;
  std::uint16_t service_port = 0;

  auto operator<=>(const TcpKey&) const = default;
};

class TcpResponder {
 public:
  static constexpr std::size_t kConnectionsPerInterface = 128;

  explicit TcpResponder(const ServiceSecret& secret) : secret_(secret) {}

  static TcpKey key_of(const ReturnPath& back);

  // A segment to an open port. Answers the connection when there may be something to read or
  // room to write; the owner then calls settle(). Null: the segment is dealt with.
  TcpConnection* on_segment(Instant now, const ReturnPath& back, const ServicePacket& packet,
                            ServiceFrames& out);
  TcpConnection* find(const TcpKey& key);
  // Sends what the owner queued. The connection may be gone afterwards.
  void settle(Instant now, const TcpKey& key, ServiceFrames& out);

  Instant next_timeout() const { return timers_.empty() ? Instant::never() : timers_.begin()->first; }
  void on_timeout(Instant now, ServiceFrames& out);
  void forget_interface(InterfaceHandle handle);
  std::size_t size() const { return connections_.size(); }

 private:
  struct Entry {
    TcpConnection connection;
    Instant timer;
  };
  using Connections = std::map<TcpKey, Entry>;

  std::uint32_t cookie(const TcpKey& key, std::uint32_t peer_sequence, std::uint32_t low_bits) const;
  void answer_syn(Instant now, const ReturnPath& back, const TcpSegment& syn, ServiceFrames& out) const;
  // End when the segment acknowledges no number of ours.
  Connections::iterator open(Instant now, const ReturnPath& back, const TcpSegment& segment,
                             ServiceFrames& out);
  void make_room(InterfaceHandle handle, ServiceFrames& out);
  void erase(Connections::iterator connection);
  void reschedule(Connections::iterator connection);

  ServiceSecret secret_;
  Connections connections_;
  std::set<std::pair<Instant, TcpKey>> timers_;
};

}  // namespace enid::card
