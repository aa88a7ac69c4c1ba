#include "srd/acknowledgement.h"

#include <algorithm>

namespace enid::srd {
namespace {

constexpr Duration kBucket = Duration::from_seconds(1);
// A delay that no queue causes: one of the clocks was set.
constexpr std::uint32_t kClockStep = 1'000'000'000 / wire::SrdHeader::kTimeUnitNanoseconds;

std::uint16_t saturated(std::uint64_t v) {
  return static_cast<std::uint16_t>(std::min<std::uint64_t>(v, 65'535));
}

}  // namespace

AcknowledgementWriter::AcknowledgementWriter(const Settings& settings)
    : messages_max_(settings.acknowledge_messages),
      bytes_max_(settings.acknowledge_bytes),
      delay_max_(settings.acknowledge_delay),
      late_margin_(static_cast<std::uint32_t>(settings.target_delay.nanoseconds / 2 /
                                              wire::SrdHeader::kTimeUnitNanoseconds)) {}

std::uint32_t AcknowledgementWriter::excess_delay(Instant now, std::uint32_t sent_at) {
  const std::uint32_t delay = wire_time(now) - sent_at;
  const auto below = [](std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; };
  if (!least_known_) {
    least_known_ = true;
    least_delay_ = previous_least_delay_ = delay;
    bucket_began_ = now;
  }
  if (now - bucket_began_ >= kBucket) {
    previous_least_delay_ = least_delay_;
    least_delay_ = delay;
    bucket_began_ = now;
  }
  if (below(delay, least_delay_)) least_delay_ = delay;
  const std::uint32_t least =
      below(previous_least_delay_, least_delay_) ? previous_least_delay_ : least_delay_;
  const std::uint32_t excess = delay - least;
  if (excess < kClockStep) return excess;
  least_delay_ = previous_least_delay_ = delay;
  return 0;
}

void AcknowledgementWriter::on_arrival(Instant now, const wire::SrdHeader& header,
                                       bool congestion_experienced, bool duplicate) {
  const std::uint32_t excess = excess_delay(now, header.sent_at);
  const std::uint64_t slot = 1ULL << header.slot;
  const bool seen = (slots_seen_ & slot) != 0;
  const std::int16_t gap = path_sequence_distance(next_path_sequence_[header.slot], header.path_sequence);
  if (!seen || gap >= 0)
    next_path_sequence_[header.slot] = static_cast<std::uint16_t>(header.path_sequence + 1);
  slots_seen_ |= slot;

  // Late by the standard of the other paths: when all queue alike, none is to be avoided.
  const bool late = excess > mean_delay_q4_ / 16 + late_margin_;
  mean_delay_q4_ += excess - mean_delay_q4_ / 16;
  (late ? late_slots_ : clean_slots_) |= slot;
  marked_ += congestion_experienced;
  delays_[messages_ % kDelays] = excess;
  ++messages_;
  bytes_ += header.payload_bytes;
  newest_ = header;
  newest_at_ = now;

  const bool at_once = duplicate || (seen && gap > 0) || messages_ >= messages_max_ || bytes_ >= bytes_max_ ||
                       (header.flags & (wire::SrdFlags::kAcknowledgeNow | wire::SrdFlags::kEndOfBurst)) != 0;
  if (at_once) {
    request();
  } else if (due_at_ == Instant::never()) {
    due_at_ = now + delay_max_;
  }
}

std::uint16_t AcknowledgementWriter::median_delay() {
  const std::uint32_t known = std::min<std::uint32_t>(messages_, kDelays);
  if (known == 0) return 0;
  for (std::uint32_t i = 1; i < known; ++i) {
    const std::uint32_t value = delays_[i];
    std::uint32_t at = i;
    for (; at > 0 && delays_[at - 1] > value; --at) delays_[at] = delays_[at - 1];
    delays_[at] = value;
  }
  return saturated(delays_[(known - 1) / 2]);
}

// The mask begins with the first that is missing. When it cannot reach the newest arrival, every other
// one ends there instead, and the others tell the rest in turns.
void AcknowledgementWriter::write_selective(const ReceiveWindow& window, wire::SrdAcknowledgement& out) {
  constexpr auto kBits = wire::SrdAcknowledgement::kSelectiveBits;
  const std::uint32_t first = block_of(window.next());
  std::uint32_t base = first;
  if (psn_distance(first, window.end()) > static_cast<std::int32_t>(kBits)) {
    const std::uint32_t newest = block_of(newest_.psn);
    newest_in_turn_ = !newest_in_turn_;
    if (newest_in_turn_ && psn_distance(first, newest) >= static_cast<std::int32_t>(kBits)) {
      base = newest - (kBits - 64);
    } else {
      if (psn_before(report_from_, first) || !psn_before(report_from_, window.end())) report_from_ = first;
      base = report_from_;
      report_from_ += kBits;
    }
  }
  out.selective_base = base;
  for (std::uint32_t i = 0; i < out.selective.size(); ++i) {
    const std::uint32_t block = base + 64 * i;
    out.selective[i] = psn_before(block, window.end()) ? window.block(block) : 0;
  }
}

std::uint8_t AcknowledgementWriter::write(Instant now, const ReceiveWindow& window, RefusalList& refusals,
                                          std::uint64_t share, wire::SrdAcknowledgement& out) {
  constexpr std::int64_t kUnit = wire::SrdHeader::kTimeUnitNanoseconds;
  std::uint8_t flags = 0;
  out.cumulative = window.next();
  write_selective(window, out);
  out.clean_slots = clean_slots_ & ~late_slots_;
  out.late_slots = late_slots_;
  out.echo_sent_at = newest_.sent_at;
  out.echo_path_sequence = newest_.path_sequence;
  out.echo_slot = newest_.slot;
  out.hold = saturated(
      static_cast<std::uint64_t>(std::max<std::int64_t>((now - newest_at_).nanoseconds, 0) / kUnit));
  out.queue_delay = median_delay();
  out.arrivals = static_cast<std::uint8_t>(std::min<std::uint32_t>(messages_, 255));
  out.marked = static_cast<std::uint8_t>(std::min<std::uint32_t>(marked_, 255));
  out.window = saturated(window.room() - 64);
  out.share = static_cast<std::uint32_t>(std::min<std::uint64_t>(
      (share + wire::SrdAcknowledgement::kShareUnit - 1) / wire::SrdAcknowledgement::kShareUnit, 0xffffffff));
  if (!refusals.empty()) {
    const RefusalList::Refusal& refusal = refusals.next();
    out.drop_psn = refusal.psn;
    out.drop_reason = refusal.reason;
    flags |= wire::SrdFlags::kDrop;
  }
  messages_ = bytes_ = marked_ = 0;
  clean_slots_ = late_slots_ = 0;
  due_at_ = Instant::never();
  return flags;
}

}  // namespace enid::srd
