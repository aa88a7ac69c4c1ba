// What a connection counts, and why it drops. Every drop and every bound that was met has a counter.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/time.h"

namespace enid::srd {

enum class DropReason : std::uint8_t {
  kNone,
  kUnknownContext,  // Another context or epoch than ours: stale, or forged. May be answered by a reset.
  kBadTag,          // Forged or corrupted.
  kBeyondWindow,    // A PSN that the receive window has no room to remember.
  kImpossible,      // An acknowledgement of what was never sent, a slot that does not exist.
  kNotEstablished,  // Data before the handshake.
  kStaleCookie,     // A confirmation with a cookie that is too old or not ours.
  kStaleReset,      // A reset that speaks of another epoch than the present one.
  kLostRace,        // An INIT that crosses ours, whose incarnation is greater.
  kReplayed,        // A setup datagram of the present or an earlier handshake once more.
};
inline constexpr std::size_t kDropReasons = 10;
std::string_view name_of(DropReason reason);

struct Counters {
  std::uint64_t data_sent = 0;  // First transmissions.
  std::uint64_t data_bytes_sent = 0;
  std::uint64_t retransmissions = 0;
  std::uint64_t retransmissions_by_gap = 0;    // A later datagram of the same path arrived.
  std::uint64_t retransmissions_by_timer = 0;  // Later ones of other paths did, and time passed.
  std::uint64_t tail_probes = 0;               // Nothing later arrived.
  std::uint64_t retransmission_timeouts = 0;
  std::uint64_t spurious_retransmissions = 0;  // The peer had it.
  std::uint64_t acknowledgements_sent = 0;
  std::uint64_t acknowledgements_received = 0;
  std::uint64_t data_received = 0;  // First arrivals.
  std::uint64_t data_bytes_received = 0;
  std::uint64_t duplicates_received = 0;
  std::uint64_t marked_received = 0;  // With CE.
  std::uint64_t probes_sent = 0;
  std::uint64_t slots_died = 0;
  std::uint64_t slots_revived = 0;
  std::uint64_t window_cuts = 0;
  std::uint64_t handshakes = 0;
  std::uint64_t resets_sent = 0;
  std::uint64_t resets_received = 0;
  std::uint64_t peer_reboots = 0;
  std::uint64_t messages_unknown = 0;
  std::uint64_t messages_refused = 0;
  std::uint64_t sends_refused_full = 0;  // Bound: Settings::queue_messages.
  std::uint64_t waits_for_flight = 0;    // Bound: Settings::flight_messages, or the peer's window.
  std::uint64_t resets_withheld = 0;     // Bound: one reset a millisecond.
  std::uint64_t refusals_forgotten = 0;  // Bound: refusals that wait for an acknowledgement.
  std::array<std::uint64_t, kDropReasons> dropped{};
};

struct Measurements {
  std::uint64_t window_bytes = 0;
  std::uint64_t in_flight_bytes = 0;
  std::uint64_t pacing_bits_per_second = 0;
  Duration least_rtt{};
  Duration smoothed_rtt{};
  Duration median_queue_delay{};
  std::uint32_t slots_alive = 0;
};

}  // namespace enid::srd
