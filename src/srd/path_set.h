// PathSet: the paths of a connection, and which the next datagram takes.
//
// Theory of operation
//   A slot is a UDP source port, so a path through an ECMP network; which one, nobody knows. Slots whose
//   datagrams came back clean wait in a ring and are used first, each time once more (recycling). When the
//   ring is empty, slots take turns, and one with a penalty is passed over while that decays: a late one
//   costs kLatePenalty turns, a loss kLossPenalty, a timeout kTimeoutPenalty. One datagram in kExploreEvery
//   takes any slot, so that paths which became good are found. Recycled slots expire.
//
//   A slot that loses two datagrams without an acknowledgement in between, while the others do well, is
//   dead: it gets another port and is probed; after kProbesToRevive good probes it is used again. When
//   more than half of the slots die within a round, it is not the paths: none changes then.
//
//   Chosen: recycling with penalties as fallback, and these numbers. docs/srd.md has the measurements.
//
// Invariants
//   (1) At least one slot is alive.
//   (2) A recycled slot is alive when it is chosen.
#pragma once

#include <array>
#include <cstdint>

#include "base/random.h"
#include "base/time.h"
#include "srd/settings.h"

namespace enid::srd {

struct PathSlot {
  std::uint16_t port = 0;
  std::uint16_t next_sequence = 0;   // Of the path's next datagram.
  std::uint16_t acked_sequence = 0;  // The highest that is known to have arrived,
  Instant acked_at{};                // since when,
  Instant acked_sent_at{};           // and when it was sent.
  std::uint32_t smoothed_rtt = 0;    // Nanoseconds; zero before the first sample.
  std::uint8_t penalty = 0;
  std::uint8_t losses = 0;  // Since the last acknowledgement.
  std::uint8_t good_probes = 0;
  bool alive = true;
};

class PathSet {
 public:
  static constexpr std::uint32_t kSlotsMax = 64;
  static constexpr std::uint8_t kNoSlot = 255;
  static constexpr std::uint32_t kLatePenalty = 1;
  static constexpr std::uint32_t kLossPenalty = 4;
  static constexpr std::uint32_t kTimeoutPenalty = 15;
  static constexpr std::uint32_t kExploreEvery = 64;
  static constexpr std::uint8_t kLossesToDie = 2;
  static constexpr std::uint8_t kProbesToRevive = 2;

  // `ports` to choose from; see Settings::path_ports.
  PathSet(std::uint32_t slots, Random random, std::uint32_t ports = 65'536 - kFirstPathPort);

  // The slot of the next datagram. Never `avoid`, unless there is no other.
  std::uint8_t select(Instant now, Duration recycled_lifetime, std::uint8_t avoid = kNoSlot);
  // A slot for an acknowledgement: those without penalty take turns; does not use up what is recycled.
  std::uint8_t select_for_acknowledgement();

  // From the masks of an acknowledgement.
  void on_masks(Instant now, std::uint64_t clean, std::uint64_t late);
  // `sequence` of `slot`, sent at `sent_at`, is known to have arrived.
  void on_acknowledged(Instant now, std::uint8_t slot, std::uint16_t sequence, Instant sent_at);
  void on_rtt(std::uint8_t slot, Duration rtt);
  // `counts_for_death`: the network is otherwise fine, so it is the path. True: the slot died of it.
  bool on_loss(std::uint8_t slot, bool counts_for_death);
  void on_timeout(std::uint8_t slot);
  // True: the slot lives again.
  bool on_probe_answered(std::uint8_t slot);
  // Once a round: forgets how many died.
  void begin_round() { died_in_round_ = 0; }

  PathSlot& operator[](std::uint8_t slot) { return slots_[slot]; }
  const PathSlot& operator[](std::uint8_t slot) const { return slots_[slot]; }
  std::uint32_t size() const { return size_; }
  std::uint32_t alive() const { return alive_; }
  std::uint32_t recycled() const { return recycled_end_ - recycled_begin_; }
  // A slot that is not alive, taking turns, or kNoSlot.
  std::uint8_t next_dead();

 private:
  struct Recycled {
    Instant at{};
    std::uint8_t slot = 0;
  };

  std::uint8_t take_recycled(Instant now, Duration lifetime, std::uint8_t avoid);
  std::uint8_t take_turn(std::uint8_t avoid);
  std::uint16_t new_port();
  void penalize(std::uint8_t slot, std::uint32_t by);

  std::array<PathSlot, kSlotsMax> slots_;
  std::array<Recycled, kSlotsMax> recycled_;
  std::uint32_t recycled_begin_ = 0;
  std::uint32_t recycled_end_ = 0;
  std::uint32_t size_;
  std::uint32_t ports_;
  std::uint32_t alive_;
  std::uint32_t died_in_round_ = 0;
  std::uint8_t turn_ = 0;
  std::uint8_t acknowledgement_turn_ = 0;
  std::uint8_t dead_turn_ = 0;
  std::uint8_t until_exploring_ = kExploreEvery;
  Random random_;
};

}  // namespace enid::srd
