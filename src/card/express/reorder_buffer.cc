#include "card/express/reorder_buffer.h"

#include <algorithm>

#include "base/check.h"

namespace enid::card {
namespace {

// Serial numbers: how far `a` is ahead of `b`.
std::int32_t ahead(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b); }

// Zero is the beginning of a numbering, and is left out when numbers wrap.
std::uint32_t after(std::uint32_t sequence) { return sequence == ~std::uint32_t{0} ? 1 : sequence + 1; }

}  // namespace

ReorderBuffer::ReorderBuffer(ReorderMemory& memory, const ReorderLimits& limits)
    : memory_(memory), limits_(limits) {}

ReorderBuffer::~ReorderBuffer() { memory_.bytes -= bytes_; }

ReorderBuffer::Verdict ReorderBuffer::add(Instant now, const Arrival& arrival, std::vector<Passed>& passed) {
  CHECK(arrival.tag < kFlowTags);
  Tag& tag = tags_[arrival.tag];
  if (arrival.sequence == tag.expected) [[likely]] {
    tag.expected = after(arrival.sequence);
    if (tag.gap != 0) pass_expected(arrival.tag, passed);
    return Verdict::kPasses;
  }
  if (arrival.sequence == 0) {
    pass_all(arrival.tag, passed);
    tag.expected = 1;
    return Verdict::kFollows;
  }
  if (tag.expected != 0 && ahead(arrival.sequence, tag.expected) < 0) {
    ++counters_.late;
    return Verdict::kPasses;
  }
  if (!has_room_for(arrival.frame.size())) {
    ++counters_.no_room;
    pass_all(arrival.tag, passed);
    if (tag.expected == 0 || ahead(arrival.sequence, tag.expected) >= 0)
      tag.expected = after(arrival.sequence);
    return Verdict::kFollows;
  }
  if (!hold(now, arrival)) {
    ++counters_.late;
    return Verdict::kPasses;
  }
  ++counters_.held;
  return Verdict::kHeld;
}

bool ReorderBuffer::has_room_for(std::size_t frame_bytes) const {
  const std::size_t more = charge(frame_bytes);
  return kept_ < limits_.frames_max && bytes_ + more <= limits_.bytes_max &&
         memory_.bytes + more <= memory_.bytes_max;
}

bool ReorderBuffer::hold(Instant now, const Arrival& arrival) {
  Tag& tag = tags_[arrival.tag];
  if (tag.gap == 0) open_gap(arrival.tag);
  Gap& gap = gaps_[tag.gap - 1];
  std::uint32_t next = 0;
  std::uint32_t previous = gap.last;
  // Before the first one of all, without a look at the others: nobody can make this slow by counting down.
  if (gap.first != 0 && ahead(arrival.sequence, held(gap.first).sequence) < 0) {
    next = gap.first;
    previous = 0;
  }
  while (previous != 0 && ahead(held(previous).sequence, arrival.sequence) > 0) {
    next = previous;
    previous = held(previous).previous;
  }
  if (previous != 0 && held(previous).sequence == arrival.sequence) return false;
  std::uint32_t place = free_frames_;
  if (place != 0) {
    free_frames_ = held(place).next;
  } else {
    frames_.emplace_back();
    place = static_cast<std::uint32_t>(frames_.size());
  }
  Held& made = held(place);
  made.sequence = arrival.sequence;
  made.previous = previous;
  made.next = next;
  made.vni = arrival.vni;
  made.size = static_cast<std::uint32_t>(arrival.frame.size());
  made.deadline = now + arrival.hold;
  made.frame = std::make_unique_for_overwrite<std::uint8_t[]>(arrival.frame.size());
  std::ranges::copy(arrival.frame, made.frame.get());
  (previous != 0 ? held(previous).next : gap.first) = place;
  (next != 0 ? held(next).previous : gap.last) = place;
  gap.deadline = std::min(gap.deadline, made.deadline);
  soonest_ = std::min(soonest_, made.deadline);
  bytes_ += charge(made.size);
  memory_.bytes += charge(made.size);
  ++held_;
  ++kept_;
  return true;
}

void ReorderBuffer::open_gap(std::uint16_t tag) {
  gaps_.push_back({tag, 0, 0, Instant::never()});
  tags_[tag].gap = static_cast<std::uint32_t>(gaps_.size());
}

void ReorderBuffer::close_gap(std::uint32_t gap) {
  tags_[gaps_[gap - 1].tag].gap = 0;
  if (gap != gaps_.size()) {
    gaps_[gap - 1] = gaps_.back();
    tags_[gaps_[gap - 1].tag].gap = gap;
  }
  gaps_.pop_back();
  if (gaps_.empty()) soonest_ = Instant::never();
}

void ReorderBuffer::pass_first(Tag& tag, Gap& gap, std::vector<Passed>& passed) {
  const std::uint32_t place = gap.first;
  Held& first = held(place);
  passed.push_back({first.vni, Bytes(first.frame.get(), first.size)});
  tag.expected = after(first.sequence);
  gap.first = first.next;
  (gap.first != 0 ? held(gap.first).previous : gap.last) = 0;
  first.next = spent_frames_;
  spent_frames_ = place;
  --held_;
}

void ReorderBuffer::pass_expected(std::uint16_t name, std::vector<Passed>& passed) {
  Tag& tag = tags_[name];
  Gap& gap = gaps_[tag.gap - 1];
  while (gap.first != 0 && ahead(held(gap.first).sequence, tag.expected) <= 0) pass_first(tag, gap, passed);
  if (gap.first == 0) return close_gap(tag.gap);
  gap.deadline = Instant::never();
  for (std::uint32_t place = gap.first; place != 0; place = held(place).next)
    gap.deadline = std::min(gap.deadline, held(place).deadline);
}

void ReorderBuffer::pass_all(std::uint16_t name, std::vector<Passed>& passed) {
  Tag& tag = tags_[name];
  if (tag.gap == 0) return;
  Gap& gap = gaps_[tag.gap - 1];
  while (gap.first != 0) pass_first(tag, gap, passed);
  close_gap(tag.gap);
}

void ReorderBuffer::on_timeout(Instant now, std::vector<Passed>& passed) {
  if (now < soonest_) return;
  for (std::size_t i = 0; i < gaps_.size();) {
    const std::size_t before = gaps_.size();
    const std::uint16_t name = gaps_[i].tag;
    while (tags_[name].gap != 0 && gaps_[i].tag == name && gaps_[i].deadline <= now) {
      ++counters_.given_up;
      pass_first(tags_[name], gaps_[i], passed);
      pass_expected(name, passed);
    }
    // A closed gap's place is another's now, which has not been looked at.
    if (gaps_.size() == before) ++i;
  }
  soonest_ = Instant::never();
  for (const Gap& gap : gaps_) soonest_ = std::min(soonest_, gap.deadline);
}

void ReorderBuffer::recycle() {
  while (spent_frames_ != 0) {
    const std::uint32_t place = spent_frames_;
    Held& spent = held(place);
    spent_frames_ = spent.next;
    bytes_ -= charge(spent.size);
    memory_.bytes -= charge(spent.size);
    spent.frame.reset();
    spent.next = free_frames_;
    free_frames_ = place;
    --kept_;
  }
}

}  // namespace enid::card
