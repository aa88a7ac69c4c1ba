// TcpLikeHost: the TCP-like flows of one simulated host, at both ends. Flows take turns at the network card,
// as they do behind a kernel's fair queue; acknowledgements go first.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "sim/endpoint.h"
#include "sim/event_queue.h"
#include "sim/flow_table.h"
#include "sim/ready_ring.h"
#include "sim/tcp_like_flow.h"

namespace enid::sim {

class TcpLikeHost final : public Endpoint {
 public:
  static constexpr std::uint32_t kHeaderBytes = 52;  // IPv4 and TCP with time stamps.

  TcpLikeHost(const TcpLikeSettings& settings, FlowTable& flows) : settings_(settings), flows_(flows) {}

  // Before the run, at each end. Both answer this host's number of the flow, which the other must know.
  std::uint32_t add_sender(std::uint32_t flow);
  std::uint32_t add_receiver(std::uint32_t flow);
  void join_sender(std::uint32_t sender, std::uint32_t receiver_at_peer) {
    senders_[sender].receiver = receiver_at_peer;
  }
  void start_flow(std::uint32_t sender);

  bool poll_transmit(Picoseconds now, Packet& out) override;
  void on_packet(Picoseconds now, const Packet& packet) override;
  Picoseconds next_wake() const override { return timers_.empty() ? kNever : timers_.top().time; }
  void on_wake(Picoseconds now) override;

 private:
  struct Outgoing {
    std::uint32_t flow = 0;
    std::uint32_t receiver = 0;             // At the other end.
    std::unique_ptr<TcpLikeSender> sender;  // While it has something to do.
    Picoseconds timer_at = kNever;
  };
  struct Incoming {
    std::uint32_t flow = 0;
    std::unique_ptr<TcpLikeReceiver> receiver;  // From the first packet on.
  };
  struct Answer {
    std::uint32_t flow = 0;
    std::uint32_t sender = 0;  // At the other end.
    TcpLikeHeader header;
  };

  void set_timer(std::uint32_t number);
  void write(Packet& out, std::uint32_t connection, const TcpLikeHeader& header) const;

  TcpLikeSettings settings_;
  FlowTable& flows_;
  std::vector<Outgoing> senders_;
  std::vector<Incoming> receivers_;
  std::deque<Answer> answers_;
  ReadyRing ready_;
  EventQueue timers_;
};

}  // namespace enid::sim
