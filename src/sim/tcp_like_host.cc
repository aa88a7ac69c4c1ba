#include "sim/tcp_like_host.h"

#include <cstring>
#include <type_traits>

namespace enid::sim {
namespace {

// The receiver needs the sender's number, too, to answer it; it rides in front of the header.
struct OnTheWire {
  std::uint32_t sender = 0;
  TcpLikeHeader header;
};
static_assert(std::is_trivially_copyable_v<OnTheWire>);
static_assert(sizeof(OnTheWire) <= Packet::kHeaderBytesMax);

}  // namespace

std::uint32_t TcpLikeHost::add_sender(std::uint32_t flow) {
  Outgoing outgoing;
  outgoing.flow = flow;
  senders_.push_back(std::move(outgoing));
  return static_cast<std::uint32_t>(senders_.size() - 1);
}

std::uint32_t TcpLikeHost::add_receiver(std::uint32_t flow) {
  Incoming incoming;
  incoming.flow = flow;
  receivers_.push_back(std::move(incoming));
  return static_cast<std::uint32_t>(receivers_.size() - 1);
}

void TcpLikeHost::start_flow(std::uint32_t number) {
  const Flow& flow = flows_[senders_[number].flow];
  senders_[number].sender =
      std::make_unique<TcpLikeSender>(senders_[number].flow, flow.datagrams, flow.sender, settings_);
  ready_.add(number);
}

bool TcpLikeHost::poll_transmit(Picoseconds now, Packet& out) {
  out.transport = Transport::kTcpLike;
  if (!answers_.empty()) {
    const Answer answer = answers_.front();
    answers_.pop_front();
    const Flow& flow = flows_[answer.flow];
    out.target = flow.source;
    out.source_port = flow.source_port;
    out.payload_bytes = 0;
    out.ecn_capable = false;
    out.wire_bytes = kHeaderBytes + 12;  // Selective acknowledgements.
    out.connection = answer.sender;
    const OnTheWire wire{answer.sender, answer.header};
    std::memcpy(out.header.data(), &wire, sizeof wire);
    return true;
  }
  while (!ready_.empty()) {
    const std::uint32_t number = ready_.front();
    Outgoing& outgoing = senders_[number];
    OnTheWire wire;
    wire.sender = number;
    if (outgoing.sender == nullptr || !outgoing.sender->poll_transmit(now, wire.header, flows_)) {
      ready_.remove_front();
      set_timer(number);
      continue;
    }
    ready_.rotate();
    const Flow& flow = flows_[outgoing.flow];
    out.target = flow.target;
    out.source_port = flow.source_port;
    out.payload_bytes = flows_.payload_of(outgoing.flow, wire.header.sequence);
    out.ecn_capable = flow.sender == Sender::kDctcp;
    out.wire_bytes = kHeaderBytes + out.payload_bytes;
    out.connection = outgoing.receiver;
    std::memcpy(out.header.data(), &wire, sizeof wire);
    return true;
  }
  return false;
}

void TcpLikeHost::on_packet(Picoseconds now, const Packet& packet) {
  OnTheWire wire;
  std::memcpy(&wire, packet.header.data(), sizeof wire);
  if (wire.header.is_acknowledgement) {
    Outgoing& outgoing = senders_[packet.connection];
    if (outgoing.sender == nullptr) return;
    outgoing.sender->on_acknowledgement(now, wire.header, flows_);
    if (outgoing.sender->is_finished()) {
      outgoing.sender.reset();
    } else {
      ready_.add(packet.connection);
    }
    return;
  }
  Incoming& incoming = receivers_[packet.connection];
  if (incoming.receiver == nullptr) {
    incoming.receiver = std::make_unique<TcpLikeReceiver>(flows_[incoming.flow].datagrams);
  }
  bool first = false;
  const TcpLikeHeader answer = incoming.receiver->on_packet(wire.header, packet.ecn_marked, first);
  if (first) flows_.on_delivered(now, incoming.flow, wire.header.sequence);
  answers_.push_back({incoming.flow, wire.sender, answer});
}

void TcpLikeHost::set_timer(std::uint32_t number) {
  Outgoing& outgoing = senders_[number];
  if (outgoing.sender == nullptr) return;
  const Picoseconds when = outgoing.sender->deadline();
  if (when >= outgoing.timer_at) return;  // The earlier event comes first and asks again.
  outgoing.timer_at = when;
  timers_.push({when, 0, number});
}

void TcpLikeHost::on_wake(Picoseconds now) {
  while (!timers_.empty() && timers_.top().time <= now) {
    const Event timer = timers_.top();
    timers_.pop();
    Outgoing& outgoing = senders_[timer.target];
    if (outgoing.timer_at != timer.time) continue;
    outgoing.timer_at = kNever;
    if (outgoing.sender == nullptr) continue;
    outgoing.sender->on_deadline(now, flows_);
    ready_.add(timer.target);
    set_timer(timer.target);
  }
}

}  // namespace enid::sim
