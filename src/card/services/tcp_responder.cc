#include "card/services/tcp_responder.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace enid::card {
namespace {

constexpr std::size_t kHeaderBytes = kIpv4HeaderBytes + kTcpHeaderBytes;
constexpr std::size_t kMtuMin = 576;  // RFC 791 section 3.1: what every host takes.

// The low bits of our first sequence number: the age in 64 s, and the peer's MSS as one of these.
constexpr std::array<std::uint16_t, 8> kSegmentBytes{128, 536, 1220, 1380, 1460, 4056, 8460, 8961};
constexpr std::uint32_t kSegmentBytesMask = 7;
constexpr unsigned kEpochShift = 3;
constexpr std::uint32_t kEpochMask = 7;
constexpr std::uint32_t kLowBits = 0x3f;
constexpr std::int64_t kEpochSeconds = 64;
constexpr std::uint32_t kEpochsOpen = 2;                   // A handshake may take from 64 to 128 seconds.
constexpr std::uint16_t kSegmentBytesWithoutOption = 536;  // RFC 9293 section 3.7.1

std::uint32_t epoch_of(Instant now) {
  return static_cast<std::uint32_t>(now.nanoseconds / (kEpochSeconds * 1'000'000'000)) & kEpochMask;
}

std::uint32_t segment_bytes_index(std::uint16_t offered) {
  const std::uint16_t bytes = offered == 0 ? kSegmentBytesWithoutOption : offered;
  const auto above = std::ranges::upper_bound(kSegmentBytes, bytes);
  return above == kSegmentBytes.begin() ? 0 : static_cast<std::uint32_t>(above - kSegmentBytes.begin() - 1);
}

std::uint16_t segment_bytes_of(const ReturnPath& back) {
  return static_cast<std::uint16_t>(std::max<std::size_t>(back.mtu, kMtuMin) - kHeaderBytes);
}

void refuse(const ReturnPath& back, const ServicePacket& packet, ServiceFrames& out) {
  const TcpSegment& in = packet.tcp;
  if (in.flags.rst) return;
  TcpSegment reset;
  reset.flags.rst = true;
  if (in.flags.ack) {
    reset.sequence = in.acknowledgement;
  } else {
    reset.flags.ack = true;
    reset.acknowledgement = in.sequence + static_cast<std::uint32_t>(packet.payload.size()) +
                            (in.flags.syn ? 1 : 0) + (in.flags.fin ? 1 : 0);
  }
  write_tcp(out, back, reset, {});
}

}  // namespace

TcpKey TcpResponder::key_of(const ReturnPath& back) {
  return {.interface = back.to,
          .peer = back.target,
          .peer_port = back.target_port,
          .service = back.source,
          .service_port = back.source_port};
}

TcpConnection* TcpResponder::on_segment(Instant now, const ReturnPath& back, const ServicePacket& packet,
                                        ServiceFrames& out) {
  auto connection = connections_.find(key_of(back));
  if (connection == connections_.end()) {
    const TcpFlags& flags = packet.tcp.flags;
    if (flags.syn && !flags.ack && !flags.rst && !flags.fin) {
      answer_syn(now, back, packet.tcp, out);
      return nullptr;
    }
    connection = open(now, back, packet.tcp, out);
    if (connection == connections_.end()) {
      refuse(back, packet, out);
      return nullptr;
    }
  }
  if (!connection->second.connection.on_segment(now, packet.tcp, packet.payload)) {
    erase(connection);
    return nullptr;
  }
  return &connection->second.connection;
}

TcpConnection* TcpResponder::find(const TcpKey& key) {
  const auto connection = connections_.find(key);
  return connection == connections_.end() ? nullptr : &connection->second.connection;
}

void TcpResponder::settle(Instant now, const TcpKey& key, ServiceFrames& out) {
  const auto connection = connections_.find(key);
  if (connection == connections_.end()) return;
  connection->second.connection.flush(now, out);
  if (connection->second.connection.is_finished())
    erase(connection);
  else
    reschedule(connection);
}

void TcpResponder::on_timeout(Instant now, ServiceFrames& out) {
  // Each is looked at once: a timer that was due is set to a later time or its connection ends.
  for (std::size_t left = timers_.size(); left > 0 && next_timeout() <= now; --left) {
    const auto connection = connections_.find(timers_.begin()->second);
    if (!connection->second.connection.on_timeout(now, out))
      erase(connection);
    else
      reschedule(connection);
  }
}

void TcpResponder::forget_interface(InterfaceHandle handle) {
  auto connection = connections_.lower_bound(TcpKey{.interface = handle, .peer = {}, .service = {}});
  while (connection != connections_.end() && connection->first.interface == handle) erase(connection++);
}

std::uint32_t TcpResponder::cookie(const TcpKey& key, std::uint32_t peer_sequence,
                                   std::uint32_t low_bits) const {
  std::array<std::uint8_t, 24> message;
  store_be32(&message[0], key.interface);
  store_be32(&message[4], key.peer.value);
  store_be32(&message[8], key.service.value);
  store_be16(&message[12], key.peer_port);
  store_be16(&message[14], key.service_port);
  store_be32(&message[16], peer_sequence);
  store_be32(&message[20], low_bits);
  return (static_cast<std::uint32_t>(keyed_hash(secret_, message)) & ~kLowBits) | low_bits;
}

void TcpResponder::answer_syn(Instant now, const ReturnPath& back, const TcpSegment& syn,
                              ServiceFrames& out) const {
  const std::uint32_t low_bits = epoch_of(now) << kEpochShift | segment_bytes_index(syn.segment_bytes_max);
  const TcpSegment answer{.sequence = cookie(key_of(back), syn.sequence, low_bits),
                          .acknowledgement = syn.sequence + 1,
                          .flags = {.syn = true, .ack = true},
                          .window = TcpConnection::kReceiveBytesMax,
                          .segment_bytes_max = segment_bytes_of(back)};
  write_tcp(out, back, answer, {});
}

TcpResponder::Connections::iterator TcpResponder::open(Instant now, const ReturnPath& back,
                                                       const TcpSegment& segment, ServiceFrames& out) {
  if (!segment.flags.ack || segment.flags.syn || segment.flags.rst) return connections_.end();
  const TcpKey key = key_of(back);
  const std::uint32_t ours = segment.acknowledgement - 1;
  const std::uint32_t low_bits = ours & kLowBits;
  const std::uint32_t age = (epoch_of(now) - (low_bits >> kEpochShift)) & kEpochMask;
  if (age >= kEpochsOpen || ours != cookie(key, segment.sequence - 1, low_bits)) return connections_.end();

  make_room(key.interface, out);
  const std::uint16_t segment_bytes =
      std::min(kSegmentBytes[low_bits & kSegmentBytesMask], segment_bytes_of(back));
  const TcpConnection connection(now, back, static_cast<std::uint16_t>(segment_bytes),
                                 segment.acknowledgement, segment.sequence);
  const auto opened = connections_.emplace(key, Entry{connection, connection.deadline()}).first;
  timers_.emplace(opened->second.timer, key);
  return opened;
}

void TcpResponder::make_room(InterfaceHandle handle, ServiceFrames& out) {
  std::size_t count = 0;
  auto silent = connections_.end();
  for (auto it = connections_.lower_bound(TcpKey{.interface = handle, .peer = {}, .service = {}});
       it != connections_.end() && it->first.interface == handle; ++it, ++count) {
    if (silent == connections_.end() ||
        it->second.connection.last_activity() < silent->second.connection.last_activity())
      silent = it;
  }
  if (count < kConnectionsPerInterface) return;
  silent->second.connection.reset(out);
  erase(silent);
}

void TcpResponder::erase(Connections::iterator connection) {
  timers_.erase({connection->second.timer, connection->first});
  connections_.erase(connection);
}

void TcpResponder::reschedule(Connections::iterator connection) {
  const Instant deadline = connection->second.connection.deadline();
  if (deadline == connection->second.timer) return;
  timers_.erase({connection->second.timer, connection->first});
  connection->second.timer = deadline;
  timers_.emplace(deadline, connection->first);
}

}  // namespace enid::card
