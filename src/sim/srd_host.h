// SrdHost: the SRD connections of one simulated host.
//
// Theory of operation
//   The very object that runs between machines, srd::Connection, one for each host that this host speaks to,
//   as one card has one connection with each other card. All flows to that host share it and take turns, a
//   datagram each, as the queue pairs of a card do. A flow's datagrams go into the connection when it has
//   room for some more.
//
//   Contexts live long: by default they are connected before the scenario's time 0.
//
//   The wire carries a datagram's header as a structure, and as its size what it would measure: IPv4 (20),
//   UDP (8), SRD's header and body, payload.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "sim/endpoint.h"
#include "sim/event_queue.h"
#include "sim/flow_table.h"
#include "sim/ready_ring.h"
#include "srd/connection.h"
#include "srd/receive_share.h"

namespace enid::sim {

class SrdHost final : public Endpoint {
 public:
  static constexpr std::uint32_t kIpAndUdpBytes = 28;
  static constexpr std::uint32_t kHeaderBytes = kIpAndUdpBytes + wire::SrdHeader::kBytes;

  SrdHost(std::uint64_t link_bits_per_second, FlowTable& flows);

  // Before the run, at both ends: a connection with `peer`. Returns its number, which the peer must know
  // (join()).
  std::uint32_t add_connection(std::uint32_t peer, const srd::Settings& settings, std::uint64_t seed);
  void join(std::uint32_t connection, std::uint32_t number_at_peer) {
    peers_[connection].number_at_peer = number_at_peer;
  }
  void connect(Picoseconds now, std::uint32_t connection);
  void start_flow(Picoseconds now, std::uint32_t flow, std::uint32_t connection);

  bool poll_transmit(Picoseconds now, Packet& out) override;
  void on_packet(Picoseconds now, const Packet& packet) override;
  Picoseconds next_wake() const override;
  void on_wake(Picoseconds now) override;

  struct View {
    std::uint32_t peer;
    const srd::Connection* connection;
  };
  std::vector<View> connections() const;

 private:
  struct Peer {
    explicit Peer(const srd::Settings& settings, std::uint64_t seed)
        : connection(settings, seed), queue_messages(settings.queue_messages) {}

    srd::Connection connection;
    std::uint32_t queue_messages;
    std::uint32_t host = 0;
    std::uint32_t number_at_peer = 0;
    Picoseconds timer_at = kNever;  // The earliest event that timers_ has for it.
    std::deque<std::pair<std::uint32_t, std::uint32_t>> to_send;  // Flow and its next datagram, in turns.
  };

  void feed(Picoseconds now, Peer& peer);
  void after(Picoseconds now, std::uint32_t number);
  void set_timer(std::uint32_t number);

  FlowTable& flows_;
  srd::ReceiveShare share_;
  std::vector<Peer> peers_;
  ReadyRing ready_;
  EventQueue timers_;
};

}  // namespace enid::sim
