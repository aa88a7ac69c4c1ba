#include "sim/tcp_like_flow.h"

#include <algorithm>

namespace enid::sim {

TcpLikeSender::TcpLikeSender(std::uint32_t flow, std::uint32_t packets, Sender algorithm,
                             const TcpLikeSettings& settings)
    : flow_(flow),
      settings_(settings),
      window_(algorithm, settings.initial_window),
      state_(packets, State::kNotSent),
      transmission_of_(packets, 0) {}

bool TcpLikeSender::poll_transmit(Picoseconds now, TcpLikeHeader& out, FlowTable& flows) {
  if (under_way_ >= std::max<std::uint64_t>(window_.packets(), 1)) return false;
  while (!lost_.empty() && state_[lost_.front()] != State::kLost) lost_.pop_front();
  std::uint32_t sequence = 0;
  if (!lost_.empty()) {
    sequence = lost_.front();
    lost_.pop_front();
    flows.on_retransmission(flow_);
  } else if (next_new_ < state_.size()) {
    sequence = next_new_++;
  } else {
    return false;
  }
  if (under_way_ == 0) progress_at_ = now;
  state_[sequence] = State::kUnderWay;
  transmission_of_[sequence] = transmissions_;
  sent_.push_back({sequence, transmissions_});
  ++under_way_;
  out = {};
  out.sequence = sequence;
  out.transmission = transmissions_++;
  out.sent_at = now;
  return true;
}

std::uint32_t TcpLikeSender::take_arrived(Picoseconds now, std::uint32_t sequence, FlowTable& flows) {
  if (sequence >= state_.size() || state_[sequence] == State::kArrived) return 0;
  if (state_[sequence] == State::kUnderWay) --under_way_;
  state_[sequence] = State::kArrived;
  ++acknowledged_;
  flows.on_acknowledged(now, flow_, sequence);
  return 1;
}

void TcpLikeSender::on_acknowledgement(Picoseconds now, const TcpLikeHeader& header, FlowTable& flows) {
  std::uint32_t arrived = 0;
  for (const std::uint32_t sequence : header.recent) arrived += take_arrived(now, sequence, flows);
  for (; cumulative_ < header.cumulative; ++cumulative_) arrived += take_arrived(now, cumulative_, flows);
  newest_arrived_ = std::max(newest_arrived_, header.transmission + 1);
  measure(now - header.sent_at);
  if (arrived > 0) {
    progress_at_ = now;
    backoff_ = 0;
    window_.on_acknowledged(now, arrived, header.marked ? arrived : 0);
  }
  if (header.transmission >= round_ends_at_) {
    window_.on_round(now);
    round_ends_at_ = transmissions_;
  }
  find_losses(now);
}

void TcpLikeSender::find_losses(Picoseconds now) {
  while (!sent_.empty()) {
    const auto [sequence, transmission] = sent_.front();
    const bool settled = state_[sequence] != State::kUnderWay || transmission_of_[sequence] != transmission;
    if (!settled && transmission + kReordering >= newest_arrived_) return;
    sent_.pop_front();
    if (settled) continue;
    state_[sequence] = State::kLost;
    lost_.push_back(sequence);
    --under_way_;
    if (transmission < cut_until_) continue;
    window_.on_loss(now);
    cut_until_ = transmissions_;
  }
}

void TcpLikeSender::measure(Picoseconds rtt) {
  if (smoothed_rtt_ == 0) {
    smoothed_rtt_ = rtt;
    rtt_variation_ = rtt / 2;
    return;
  }
  const Picoseconds apart = rtt > smoothed_rtt_ ? rtt - smoothed_rtt_ : smoothed_rtt_ - rtt;
  rtt_variation_ += (apart - rtt_variation_) / 4;
  smoothed_rtt_ += (rtt - smoothed_rtt_) / 8;
}

Picoseconds TcpLikeSender::deadline() const {
  if (under_way_ == 0) return kNever;
  const Picoseconds rto = std::max(settings_.rto_min, smoothed_rtt_ + 4 * rtt_variation_);
  return progress_at_ + (rto << std::min<std::uint32_t>(backoff_, 6));
}

void TcpLikeSender::on_deadline(Picoseconds now, FlowTable& flows) {
  if (now < deadline()) return;
  flows.on_timeout(flow_);
  ++backoff_;
  progress_at_ = now;
  lost_.clear();
  for (std::uint32_t i = cumulative_; i < next_new_; ++i) {
    if (state_[i] == State::kUnderWay) state_[i] = State::kLost;
    if (state_[i] == State::kLost) lost_.push_back(i);
  }
  under_way_ = 0;
  sent_.clear();
  cut_until_ = transmissions_;
  window_.on_timeout(now);
}

TcpLikeReceiver::TcpLikeReceiver(std::uint32_t packets) : arrived_(packets, false) {
  recent_.fill(TcpLikeHeader::kNone);
}

TcpLikeHeader TcpLikeReceiver::on_packet(const TcpLikeHeader& header, bool marked, bool& first) {
  first = header.sequence < arrived_.size() && !arrived_[header.sequence];
  if (first) arrived_[header.sequence] = true;
  while (cumulative_ < arrived_.size() && arrived_[cumulative_]) ++cumulative_;
  std::shift_right(recent_.begin(), recent_.end(), 1);
  recent_[0] = header.sequence;
  TcpLikeHeader answer = header;
  answer.is_acknowledgement = true;
  answer.marked = marked;
  answer.cumulative = cumulative_;
  answer.recent = recent_;
  return answer;
}

}  // namespace enid::sim
