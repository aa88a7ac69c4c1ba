#include "srd/path_set.h"

#include <algorithm>
#include <bit>

#include "srd/serial_number.h"

namespace enid::srd {
namespace {

// Of so few ports each slot has one of its own; of more, two slots rarely have the same.
constexpr std::uint32_t kFewPorts = 1024;
constexpr std::uint8_t kPenaltyMax = 30;
// Sequences begin shortly before they wrap, so that wrapping is what always happens.
constexpr std::uint16_t kFirstPathSequence = 65'520;

}  // namespace

PathSet::PathSet(std::uint32_t slots, Random random, std::uint32_t ports)
    : size_(std::clamp(slots, 1U, kSlotsMax)),
      ports_(std::clamp(ports, size_, 65'536U - kFirstPathPort)),
      alive_(size_),
      random_(random) {
  for (std::uint32_t i = 0; i < size_; ++i) {
    slots_[i].port = new_port();
    slots_[i].next_sequence = kFirstPathSequence;
    slots_[i].acked_sequence = kFirstPathSequence - 1;
  }
  turn_ = static_cast<std::uint8_t>(random_.below(size_));
}

std::uint16_t PathSet::new_port() {
  const auto drawn = static_cast<std::uint32_t>(random_.below(ports_));
  if (ports_ > kFewPorts) return static_cast<std::uint16_t>(kFirstPathPort + drawn);
  const auto is_taken = [&](std::uint16_t port) {
    return std::any_of(slots_.begin(), slots_.begin() + size_,
                       [&](const PathSlot& slot) { return slot.port == port; });
  };
  std::uint16_t port = 0;
  for (std::uint32_t i = 0; i < ports_; ++i) {
    port = static_cast<std::uint16_t>(kFirstPathPort + (drawn + i) % ports_);
    if (!is_taken(port)) break;
  }
  return port;
}

std::uint8_t PathSet::select(Instant now, Duration recycled_lifetime, std::uint8_t avoid) {
  if (--until_exploring_ == 0) {
    until_exploring_ = kExploreEvery;
    const auto slot = static_cast<std::uint8_t>(random_.below(size_));
    if (slots_[slot].alive && slot != avoid) return slot;
  }
  const std::uint8_t slot = take_recycled(now, recycled_lifetime, avoid);
  return slot != kNoSlot ? slot : take_turn(avoid);
}

std::uint8_t PathSet::take_recycled(Instant now, Duration lifetime, std::uint8_t avoid) {
  while (recycled_begin_ != recycled_end_) {
    const Recycled& first = recycled_[recycled_begin_++ % kSlotsMax];
    if (now - first.at <= lifetime && slots_[first.slot].alive && first.slot != avoid) return first.slot;
  }
  return kNoSlot;
}

std::uint8_t PathSet::take_turn(std::uint8_t avoid) {
  std::uint8_t least = kNoSlot;
  for (std::uint32_t i = 0; i < size_; ++i) {
    turn_ = static_cast<std::uint8_t>(turn_ + 1U == size_ ? 0 : turn_ + 1);
    PathSlot& slot = slots_[turn_];
    if (!slot.alive || turn_ == avoid) continue;
    if (slot.penalty == 0) return turn_;
    --slot.penalty;
    if (least == kNoSlot || slot.penalty < slots_[least].penalty) least = turn_;
  }
  return least != kNoSlot ? least : avoid;
}

std::uint8_t PathSet::select_for_acknowledgement() {
  std::uint8_t alive = acknowledgement_turn_;
  for (std::uint32_t i = 0; i < size_; ++i) {
    acknowledgement_turn_ =
        static_cast<std::uint8_t>(acknowledgement_turn_ + 1U >= size_ ? 0 : acknowledgement_turn_ + 1);
    const PathSlot& slot = slots_[acknowledgement_turn_];
    if (!slot.alive) continue;
    if (slot.penalty == 0) return acknowledgement_turn_;
    alive = acknowledgement_turn_;
  }
  return alive;
}

void PathSet::penalize(std::uint8_t slot, std::uint32_t by) {
  slots_[slot].penalty =
      static_cast<std::uint8_t>(std::min<std::uint32_t>(slots_[slot].penalty + by, kPenaltyMax));
}

void PathSet::on_masks(Instant now, std::uint64_t clean, std::uint64_t late) {
  if (size_ < 64) {
    clean &= (1ULL << size_) - 1;
    late &= (1ULL << size_) - 1;
  }
  for (std::uint64_t rest = late; rest != 0; rest &= rest - 1) {
    penalize(static_cast<std::uint8_t>(std::countr_zero(rest)), kLatePenalty);
  }
  for (std::uint64_t rest = clean & ~late; rest != 0; rest &= rest - 1) {
    const auto slot = static_cast<std::uint8_t>(std::countr_zero(rest));
    if (slots_[slot].penalty != 0) --slots_[slot].penalty;
    if (recycled() == kSlotsMax) ++recycled_begin_;  // Full: the oldest is the least true.
    recycled_[recycled_end_++ % kSlotsMax] = {now, slot};
  }
}

void PathSet::on_acknowledged(Instant now, std::uint8_t slot, std::uint16_t sequence, Instant sent_at) {
  PathSlot& path = slots_[slot];
  path.losses = 0;
  if (path_sequence_distance(path.acked_sequence, sequence) <= 0) return;
  path.acked_sequence = sequence;
  path.acked_at = now;
  path.acked_sent_at = sent_at;
}

void PathSet::on_rtt(std::uint8_t slot, Duration rtt) {
  PathSlot& path = slots_[slot];
  const auto sample = static_cast<std::uint32_t>(std::min<std::int64_t>(rtt.nanoseconds, 1'000'000'000));
  path.smoothed_rtt =
      path.smoothed_rtt == 0 ? sample : path.smoothed_rtt - path.smoothed_rtt / 8 + sample / 8;
}

bool PathSet::on_loss(std::uint8_t slot, bool counts_for_death) {
  penalize(slot, kLossPenalty);
  PathSlot& path = slots_[slot];
  if (!counts_for_death || !path.alive) return false;
  if (++path.losses < kLossesToDie) return false;
  path.losses = 0;
  if (alive_ == 1 || died_in_round_ * 2 >= size_) return false;
  ++died_in_round_;
  --alive_;
  path.alive = false;
  path.good_probes = 0;
  path.smoothed_rtt = 0;
  path.port = new_port();
  return true;
}

void PathSet::on_timeout(std::uint8_t slot) { penalize(slot, kTimeoutPenalty); }

bool PathSet::on_probe_answered(std::uint8_t slot) {
  PathSlot& path = slots_[slot];
  if (path.alive || ++path.good_probes < kProbesToRevive) return false;
  path.alive = true;
  path.penalty = 0;
  ++alive_;
  return true;
}

std::uint8_t PathSet::next_dead() {
  if (alive_ == size_) return kNoSlot;
  do {
    dead_turn_ = static_cast<std::uint8_t>(dead_turn_ + 1U >= size_ ? 0 : dead_turn_ + 1);
  } while (slots_[dead_turn_].alive);
  return dead_turn_;
}

}  // namespace enid::srd
