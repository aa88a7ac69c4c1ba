#include "sim/output_port.h"

#include <algorithm>
#include <cmath>

namespace enid::sim {
namespace {

__extension__ using Wide = unsigned __int128;

}  // namespace

void OutputPort::set_up(const PortSettings& settings) {
  settings_ = settings;
  latency_ = settings.latency;
  compute_times();
}

void OutputPort::compute_times() {
  const std::uint64_t rate = std::max<std::uint64_t>(settings_.bits_per_second, 1);
  const auto byte_time = (static_cast<Wide>(8) * kSecond << kFraction) / rate;
  byte_time_ = std::max<std::uint64_t>(static_cast<std::uint64_t>(byte_time), 1);
  limit_ = time_of(settings_.queue_bytes);
  ecn_min_ = time_of(settings_.ecn_min_bytes);
  ecn_max_ = time_of(settings_.ecn_max_bytes);
}

bool OutputPort::takes_mark(Picoseconds backlog, Random& random) const {
  if (backlog <= ecn_min_) return false;
  if (backlog >= ecn_max_) return true;
  const auto width = static_cast<std::uint64_t>(ecn_max_ - ecn_min_);
  return random.below(width) < static_cast<std::uint64_t>(backlog - ecn_min_);
}

bool OutputPort::accept(Picoseconds now, PacketIndex index, PacketPool& pool, Random& random) {
  if (cut_) {
    ++counters_.cut_losses;
    return false;
  }
  Packet& packet = pool[index];
  const Picoseconds waiting = backlog(now);
  const Picoseconds own = time_of(packet.wire_bytes);
  if (waiting + own > limit_) {
    ++counters_.full_drops;
    return false;
  }
  if (packet.ecn_capable && takes_mark(waiting, random)) {
    packet.ecn_marked = true;
    ++counters_.marks;
  }
  if (loss_threshold_ != 0 && random.next() < loss_threshold_) {
    packet.lost = true;
    ++counters_.random_losses;
  }
  if (waiting + own > backlog_max_) {
    backlog_max_ = waiting + own;
    counters_.queue_bytes_max = std::max(counters_.queue_bytes_max, bytes_in(backlog_max_));
  }
  free_at_ = std::max(free_at_, now) + own;
  packet.departs = free_at_;
  packet.next = kNoPacket;
  if (oldest_ == kNoPacket) {
    oldest_ = index;
    next_arrival_ = free_at_ + latency_;
  } else {
    pool[newest_].next = index;
  }
  newest_ = index;
  ++counters_.packets;
  counters_.bytes += packet.wire_bytes;
  return true;
}

PacketIndex OutputPort::take_arrival(const PacketPool& pool) {
  const PacketIndex index = oldest_;
  oldest_ = pool[index].next;
  if (oldest_ == kNoPacket) {
    next_arrival_ = kNever;
    return index;
  }
  const Packet& next = pool[oldest_];
  next_arrival_ = next.departs + latency_;
  pool.prefetch(next.next);  // Read when this one arrives, a microsecond of events from now.
  return index;
}

void OutputPort::set_rate(Picoseconds now, std::uint64_t bits_per_second, PacketPool& pool) {
  const std::uint64_t byte_time_before = byte_time_;
  settings_.bits_per_second = bits_per_second;
  backlog_max_ = 0;  // In time at the new rate, from here on.
  compute_times();
  if (cut_) return;
  // What is left of the packet that is leaving now takes its share of the new time; those behind it follow.
  bool leaving = true;
  Picoseconds departure = now;
  for (PacketIndex i = oldest_; i != kNoPacket; i = pool[i].next) {
    Packet& packet = pool[i];
    if (packet.departs <= now) continue;
    Picoseconds own = time_of(packet.wire_bytes);
    if (leaving) {
      const auto left = static_cast<Wide>(packet.departs - now) * byte_time_;
      own = std::min(own, static_cast<Picoseconds>(left / byte_time_before) + 1);
      leaving = false;
    }
    departure += own;
    packet.departs = departure;
  }
  free_at_ = departure;
  next_arrival_ = oldest_ == kNoPacket ? kNever : pool[oldest_].departs + latency_;
}

void OutputPort::set_loss(double probability) {
  const double bounded = std::clamp(probability, 0.0, 1.0);
  loss_threshold_ = bounded >= 1.0 ? ~0ULL : static_cast<std::uint64_t>(std::ldexp(bounded, 64));
}

void OutputPort::cut(PacketPool& pool) {
  cut_ = true;
  while (oldest_ != kNoPacket) {
    const PacketIndex next = pool[oldest_].next;
    pool.give_back(oldest_);
    ++counters_.cut_losses;
    oldest_ = next;
  }
  newest_ = kNoPacket;
  next_arrival_ = kNever;
}

void OutputPort::repair(Picoseconds now) {
  cut_ = false;
  free_at_ = now;
}

}  // namespace enid::sim
