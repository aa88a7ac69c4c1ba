#include "card/services/tcp_connection.h"

#include <algorithm>

#include "base/check.h"

namespace enid::card {
namespace {

// Chosen: the way is short, but the peer may be a busy machine; RFC 6298's second is for the Internet.
constexpr Duration kRetransmissionTimeoutMin = Duration::from_milliseconds(200);
constexpr Duration kRetransmissionTimeoutMax = Duration::from_seconds(5);
constexpr unsigned kRetransmissionsMax = 8;
constexpr std::size_t kSegmentsInFlightMax = 32;
constexpr unsigned kDuplicatesBeforeRetransmission = 3;  // RFC 5681 section 3.2

// RFC 9293 section 3.4: the distance from `b` to `a`, modulo 2^32.
std::int32_t distance(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b); }

}  // namespace

TcpConnection::TcpConnection(Instant now, const ReturnPath& path, std::uint16_t segment_bytes_max,
                             std::uint32_t our_next, std::uint32_t peer_next)
    : path_(path),
      segment_bytes_max_(segment_bytes_max),
      peer_next_(peer_next),
      first_unacknowledged_(our_next),
      next_(our_next),
      highest_sent_(our_next),
      retransmission_timeout_(kRetransmissionTimeoutMin),
      last_activity_(now) {
  CHECK(segment_bytes_max > 0);
}

bool TcpConnection::on_segment(Instant now, const TcpSegment& segment, ConstBytes payload) {
  if (segment.flags.rst) {
    if (segment.sequence == peer_next_) return false;
    acknowledgement_owed_ = true;
    return true;
  }
  if (segment.flags.syn) {
    acknowledgement_owed_ = true;
    return true;
  }
  if (!segment.flags.ack) return true;
  if (!on_acknowledgement(segment, payload.empty() && !segment.flags.fin)) {
    acknowledgement_owed_ = true;
    return true;
  }
  last_activity_ = now;
  if (in_flight() == 0 && !has_more_to_send()) retransmission_ = Instant::never();
  on_payload(segment, payload);
  return true;
}

// False when it acknowledges what was never sent.
bool TcpConnection::on_acknowledgement(const TcpSegment& segment, bool is_bare) {
  if (distance(segment.acknowledgement, highest_sent_) > 0) return false;
  const std::int32_t news = distance(segment.acknowledgement, first_unacknowledged_);
  if (news < 0) return true;  // An old one; what it carries may still be new.
  if (news == 0) {
    const bool is_duplicate = is_bare && in_flight() > 0 && segment.window == peer_window_;
    peer_window_ = segment.window;
    if (is_duplicate && ++duplicate_acknowledgements_ == kDuplicatesBeforeRetransmission)
      next_ = first_unacknowledged_;
    return true;
  }
  peer_window_ = segment.window;
  const auto acknowledged = static_cast<std::size_t>(news);
  if (acknowledged > queue_.size()) finish_acknowledged_ = true;
  const auto bytes = static_cast<std::ptrdiff_t>(std::min(acknowledged, queue_.size()));
  queue_.erase(queue_.begin(), queue_.begin() + bytes);
  first_unacknowledged_ = segment.acknowledgement;
  if (distance(next_, first_unacknowledged_) < 0) next_ = first_unacknowledged_;
  duplicate_acknowledgements_ = 0;
  retransmissions_ = 0;
  retransmission_timeout_ = kRetransmissionTimeoutMin;
  retransmission_ = Instant::never();  // flush() sets it anew when something is left.
  return true;
}

void TcpConnection::on_payload(const TcpSegment& segment, ConstBytes payload) {
  const bool is_in_place = segment.sequence == peer_next_;
  if (!payload.empty() || segment.flags.fin || !is_in_place) acknowledgement_owed_ = true;
  const std::int32_t known = distance(peer_next_, segment.sequence);
  if (known < 0 || peer_has_closed_ || static_cast<std::size_t>(known) > payload.size()) return;
  const ConstBytes fresh = payload.subspan(static_cast<std::size_t>(known));
  const ConstBytes taken = fresh.first(std::min(fresh.size(), kReceiveBytesMax - received_.size()));
  // Who is closing listens no more, but acknowledges, so that the peer can end in order.
  if (!is_closing_) received_.insert(received_.end(), taken.begin(), taken.end());
  peer_next_ += static_cast<std::uint32_t>(taken.size());
  if (segment.flags.fin && taken.size() == fresh.size()) {
    ++peer_next_;
    peer_has_closed_ = true;
  }
}

void TcpConnection::consume(std::size_t bytes) {
  CHECK(bytes <= received_.size());
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(bytes));
}

void TcpConnection::send(ConstBytes bytes) {
  CHECK(!is_closing_);
  queue_.insert(queue_.end(), bytes.begin(), bytes.end());
}

bool TcpConnection::write(ServiceFrames& out, const TcpFlags& flags, ConstBytes payload) {
  const TcpSegment segment{.sequence = next_,
                           .acknowledgement = peer_next_,
                           .flags = flags,
                           .window = window(),
                           .segment_bytes_max = 0};
  if (!write_tcp(out, path_, segment, payload)) return false;
  acknowledgement_owed_ = false;
  return true;
}

bool TcpConnection::send_one(ServiceFrames& out) {
  const std::size_t flying = in_flight();
  if (flying > queue_.size()) return false;  // FIN is on its way: nothing comes behind it.
  const std::size_t waiting = queue_.size() - flying;
  const std::size_t window = std::min<std::size_t>(peer_window_, kSegmentsInFlightMax * segment_bytes_max_);
  const std::size_t allowed = window > flying ? window - flying : 0;
  const std::size_t bytes = std::min({waiting, allowed, segment_bytes_max_});
  const bool is_last = bytes == waiting;
  const bool finish = is_closing_ && is_last;
  if (bytes == 0 && !finish) return false;
  // RFC 9293 section 3.8.6.2.1: no silly little segments into a window that is about to open.
  if (!is_last && bytes < segment_bytes_max_ && flying > 0) return false;
  const ConstBytes payload = ConstBytes(queue_).subspan(flying, bytes);
  if (!write(out, {.fin = finish, .psh = is_last && bytes > 0, .ack = true}, payload)) return false;
  next_ += static_cast<std::uint32_t>(bytes + (finish ? 1 : 0));
  if (distance(next_, highest_sent_) > 0) highest_sent_ = next_;
  return true;
}

void TcpConnection::flush(Instant now, ServiceFrames& out) {
  if (finish_acknowledged_) {
    retransmission_ = Instant::never();
  } else {
    while (has_more_to_send() && send_one(out)) {
    }
    // Also without a byte in flight: a closed window is asked again, a full output tried again.
    if (in_flight() == 0 && !has_more_to_send())
      retransmission_ = Instant::never();
    else if (retransmission_ == Instant::never())
      set_retransmission(now);
  }
  if (acknowledgement_owed_) write(out, {.ack = true}, {});
  acknowledgement_owed_ = false;
}

void TcpConnection::set_retransmission(Instant now) { retransmission_ = now + retransmission_timeout_; }

bool TcpConnection::on_timeout(Instant now, ServiceFrames& out) {
  if (now >= retransmission_) {
    if (++retransmissions_ > kRetransmissionsMax) {
      reset(out);
      return false;
    }
    next_ = first_unacknowledged_;
    retransmission_timeout_ = std::min(retransmission_timeout_ * 2, kRetransmissionTimeoutMax);
    peer_window_ = std::max(peer_window_, 1u);  // RFC 9293 section 3.8.6.1: a closed window is probed.
    retransmission_ = Instant::never();
    flush(now, out);
    return true;
  }
  if (now < last_activity_ + kIdleTimeout) return true;
  if (is_closing_) {
    reset(out);
    return false;
  }
  close();
  last_activity_ = now;
  flush(now, out);
  return true;
}

void TcpConnection::reset(ServiceFrames& out) { write(out, {.rst = true, .ack = true}, {}); }

Instant TcpConnection::deadline() const { return std::min(retransmission_, last_activity_ + kIdleTimeout); }

}  // namespace enid::card
