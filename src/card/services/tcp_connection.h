// TcpConnection: the server's side of one short conversation.
//
// Theory of operation
//   The connection is established when it is made: TcpResponder does the handshake without
//   state. The owner feeds each segment to on_segment(), reads received(), puts answers into
//   send(), and calls flush(), which sends what the peer's window allows, or a bare
//   acknowledgement when one is owed. What is not acknowledged in time goes out again from the
//   first missing byte on (go back N), and as often again later; a peer that stays away is given
//   up. Segments are taken in order only: between an instance and its card nothing overtakes.
//
// Invariants
//   (1) At most kReceiveBytesMax bytes are kept of what the peer sent.
//   (2) queue_ begins at the oldest byte that the peer has not acknowledged.
//   (3) first_unacknowledged_ <= next_ <= highest_sent_ <= the queue's end and FIN, in sequence order.
//
// Documented: RFC 9293 section 3.10; RFC 6298 section 5; RFC 5961 sections 3 to 5 (resets, SYNs and
// acknowledgements out of place are answered by a challenge). Chosen: no window scaling, no
// timestamps, no selective acknowledgements, no TIME-WAIT: a few kilobytes over no distance.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "card/services/service_frames.h"
#include "card/services/service_packet.h"

namespace enid::card {

class TcpConnection {
 public:
  static constexpr std::size_t kReceiveBytesMax = 16'384;
  static constexpr std::size_t kSendBytesWhenBusy = 65'536;
  static constexpr Duration kIdleTimeout = Duration::from_seconds(30);

  // `our_next` and `peer_next` are the sequence numbers of either side's first byte of data.
  TcpConnection(Instant now, const ReturnPath& path, std::uint16_t segment_bytes_max, std::uint32_t our_next,
                std::uint32_t peer_next);

  // False: the peer has reset the connection.
  [[nodiscard]] bool on_segment(Instant now, const TcpSegment& segment, ConstBytes payload);
  // False: given up; the peer has been told by a reset.
  [[nodiscard]] bool on_timeout(Instant now, ServiceFrames& out);
  void flush(Instant now, ServiceFrames& out);
  void reset(ServiceFrames& out);  // Tells the peer that the connection is no more.

  ConstBytes received() const { return received_; }
  void consume(std::size_t bytes);
  bool peer_has_closed() const { return peer_has_closed_; }

  // The owner asks before it answers more: the peer may be slow in taking what it asked for.
  bool is_busy() const { return queue_.size() >= kSendBytesWhenBusy; }
  void send(ConstBytes bytes);
  void close() { is_closing_ = true; }  // After what is queued. Nothing may be sent afterwards.
  bool is_closing() const { return is_closing_; }
  void set_time_to_live(std::uint8_t value) { path_.time_to_live = value; }

  // Both sides have said goodbye and ours was heard.
  bool is_finished() const { return peer_has_closed_ && is_closing_ && finish_acknowledged_; }
  Instant deadline() const;
  Instant last_activity() const { return last_activity_; }

  // Answers that the owner will send later; it closes after the last one of them.
  std::uint32_t answers_owed = 0;

 private:
  std::uint32_t in_flight() const { return next_ - first_unacknowledged_; }
  bool has_more_to_send() const { return in_flight() < queue_.size() + (is_closing_ ? 1 : 0); }
  std::uint16_t window() const { return static_cast<std::uint16_t>(kReceiveBytesMax - received_.size()); }
  bool on_acknowledgement(const TcpSegment& segment, bool is_bare);
  void on_payload(const TcpSegment& segment, ConstBytes payload);
  bool send_one(ServiceFrames& out);
  bool write(ServiceFrames& out, const TcpFlags& flags, ConstBytes payload);
  void set_retransmission(Instant now);

  ReturnPath path_;
  std::size_t segment_bytes_max_;

  std::vector<std::uint8_t> received_;
  std::uint32_t peer_next_;
  bool peer_has_closed_ = false;
  bool acknowledgement_owed_ = false;

  std::vector<std::uint8_t> queue_;
  std::uint32_t first_unacknowledged_;
  std::uint32_t next_;
  std::uint32_t highest_sent_;
  std::uint32_t peer_window_ = 0;
  bool is_closing_ = false;
  bool finish_acknowledged_ = false;

  Duration retransmission_timeout_;
  Instant retransmission_ = Instant::never();
  unsigned retransmissions_ = 0;
  unsigned duplicate_acknowledgements_ = 0;
  Instant last_activity_;
};

}  // namespace enid::card
