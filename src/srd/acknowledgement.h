// AcknowledgementWriter: what a receiver remembers between two acknowledgements, and when the next is due.
//
// Theory of operation
//   An acknowledgement goes out after Settings::acknowledge_messages datagrams, acknowledge_bytes bytes or
//   acknowledge_delay, and at once when a datagram asks for it, came twice, or when a path's sequence has
//   a gap: a path delivers in order, so something is lost. All of it is state (the cumulative PSN, a mask
//   of 256 PSNs), so a lost acknowledgement is made good by the next.
//
//   Each arrival's one-way delay is compared with the least of the last one to two seconds (two buckets,
//   so that drifting clocks do not add up). The clocks need not agree, only run alike. The median of the
//   excesses goes back, and so does whether a slot's datagram was late by the standard of the others.
//
//   Chosen: late by comparison and not by ECN. A mark says that a queue is long; what the choice of a path
//   needs is which queues are longer than others. See docs/srd.md for what it gave.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"
#include "srd/path_set.h"
#include "srd/receive_window.h"
#include "srd/refusal_list.h"
#include "srd/settings.h"
#include "wire/srd_header.h"

namespace enid::srd {

// A clock in the units of the wire.
inline std::uint32_t wire_time(Instant t) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(t.nanoseconds) /
                                    wire::SrdHeader::kTimeUnitNanoseconds);
}

class AcknowledgementWriter {
 public:
  explicit AcknowledgementWriter(const Settings& settings);

  void on_arrival(Instant now, const wire::SrdHeader& header, bool congestion_experienced, bool duplicate);
  // Something must be told at once.
  void request() { due_at_ = {}; }

  Instant due_at() const { return due_at_; }
  // Writes the acknowledgement and starts over. Answers the header's flags.
  std::uint8_t write(Instant now, const ReceiveWindow& window, RefusalList& refusals, std::uint64_t share,
                     wire::SrdAcknowledgement& out);

 private:
  static constexpr std::size_t kDelays = 8;

  std::uint32_t excess_delay(Instant now, std::uint32_t sent_at);
  std::uint16_t median_delay();
  void write_selective(const ReceiveWindow& window, wire::SrdAcknowledgement& out);

  std::uint32_t messages_max_;
  std::uint32_t bytes_max_;
  Duration delay_max_;
  std::uint32_t late_margin_;  // Above the mean, in wire units.

  Instant due_at_ = Instant::never();
  std::uint32_t messages_ = 0;
  std::uint32_t bytes_ = 0;
  std::uint32_t marked_ = 0;
  std::uint64_t clean_slots_ = 0;
  std::uint64_t late_slots_ = 0;
  wire::SrdHeader newest_;
  Instant newest_at_{};
  std::array<std::uint32_t, kDelays> delays_{};

  std::array<std::uint16_t, PathSet::kSlotsMax> next_path_sequence_{};
  std::uint64_t slots_seen_ = 0;

  std::uint32_t mean_delay_q4_ = 0;  // Of the excess, times 16.
  bool least_known_ = false;
  std::uint32_t least_delay_ = 0;           // Of this bucket,
  std::uint32_t previous_least_delay_ = 0;  // and of the one before.
  Instant bucket_began_{};

  bool newest_in_turn_ = false;
  std::uint32_t report_from_ = 0;  // Rotates when the mask cannot cover everything.
};

}  // namespace enid::srd
