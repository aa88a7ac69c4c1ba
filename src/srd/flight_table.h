// FlightTable: the messages that were sent and are not yet known to have arrived, by PSN.
//
// Theory of operation
//   A ring of records indexed by PSN, and beside it one bit a PSN: outstanding or not. An acknowledgement
//   is a few words of mask, so `mask & outstanding` finds what is new in it. Two chains run through the
//   records: in flight, oldest transmission first, and lost, in the order of detection. The ring doubles
//   up to its bound and is given back when nothing is outstanding.
//
// Invariants
//   (1) begin() <= every outstanding PSN < end(), and end() - begin() never exceeds the bound.
//   (2) A record is in exactly one chain while its bit is set, and in none otherwise.
//   (3) in_flight_bytes() is the sum over the chain of those in flight.
#pragma once

#include <cstdint>
#include <memory>

#include "base/time.h"
#include "srd/serial_number.h"

namespace enid::srd {

// What a datagram weighs in windows and rates besides its payload: IPv4, UDP, SRD. Shares of a link are
// meant in the same bytes.
inline constexpr std::uint32_t kDatagramOverhead = 20 + 8 + 32;

struct Flight {
  enum class State : std::uint8_t { kInFlight, kLost };

  std::uint64_t token = 0;
  Instant sent_at{};        // The latest transmission.
  Instant first_sent_at{};  // For Settings::message_lifetime.
  std::uint32_t psn = 0;
  std::uint32_t flow_sequence = 0;
  std::uint32_t vni = 0;
  std::uint16_t flow_tag = 0;
  std::uint16_t payload_bytes = 0;
  std::uint16_t path_sequence = 0;
  std::uint16_t older = 0;  // Chain links: the low bits of a PSN. The own PSN's: none.
  std::uint16_t newer = 0;
  std::uint8_t slot = 0;
  std::uint8_t transmissions = 0;
  State state = State::kInFlight;
  bool ordered = false;
  std::uint32_t weight() const { return payload_bytes + kDatagramOverhead; }

  bool ended = false;  // Its token's event has been told; only the PSN is still to be acknowledged.
};

class FlightTable {
 public:
  static constexpr std::uint32_t kFirstCapacity = 64;

  FlightTable(std::uint32_t first_psn, std::uint32_t bound);

  std::uint32_t begin() const { return begin_; }  // The oldest that is outstanding, or end().
  std::uint32_t end() const { return end_; }      // The next PSN.
  bool empty() const { return begin_ == end_; }
  std::uint32_t outstanding() const { return outstanding_; }
  std::uint64_t in_flight_bytes() const { return in_flight_bytes_; }
  // Whether another PSN can be taken; grows the ring if need be.
  bool has_room() { return end_ - begin_ < bound_ && (end_ - begin_ + 64 <= capacity_ || grow()); }

  // A new PSN, in flight, as the newest transmission. has_room() was true.
  Flight& add(Instant now, std::uint16_t payload_bytes);
  // `flight` is sent once more: to the end of the chain of those in flight.
  void sent_again(Instant now, Flight& flight);
  void mark_lost(Flight& flight);
  // Its payload will not be sent again; what is sent instead is a header.
  void drop_payload(Flight& flight);
  // Arrived: forgets it. `flight` is void afterwards.
  void remove(Flight& flight);

  bool is_outstanding(std::uint32_t psn) const;
  Flight& at(std::uint32_t psn) { return records_[psn & (capacity_ - 1)]; }
  // The outstanding ones among the 64 PSNs of `block`.
  std::uint64_t outstanding_in(std::uint32_t block) const;

  Flight* oldest_in_flight() { return in_flight_.size == 0 ? nullptr : &by_link(in_flight_.oldest); }
  const Flight* oldest_in_flight() const { return const_cast<FlightTable*>(this)->oldest_in_flight(); }
  Flight* newest_in_flight() { return in_flight_.size == 0 ? nullptr : &by_link(in_flight_.newest); }
  Flight* first_lost() { return lost_.size == 0 ? nullptr : &by_link(lost_.oldest); }
  // The next in the same chain, or null.
  Flight* next(const Flight& flight) {
    return flight.newer == static_cast<std::uint16_t>(flight.psn) ? nullptr : &by_link(flight.newer);
  }
  std::uint32_t lost() const { return lost_.size; }
  std::uint32_t in_flight() const { return in_flight_.size; }

  void release();
  std::size_t bytes() const { return capacity_ * sizeof(Flight) + capacity_ / 8; }

 private:
  struct Chain {
    std::uint16_t oldest = 0;
    std::uint16_t newest = 0;
    std::uint32_t size = 0;
  };

  Flight& by_link(std::uint16_t link) { return records_[link & (capacity_ - 1)]; }
  std::uint64_t& word(std::uint32_t psn) { return bits_[(psn / 64) & (capacity_ / 64 - 1)]; }
  const std::uint64_t& word(std::uint32_t psn) const { return bits_[(psn / 64) & (capacity_ / 64 - 1)]; }
  void append(Chain& chain, Flight& flight);
  void unlink(Flight& flight);
  bool grow();

  std::unique_ptr<Flight[]> records_;
  std::unique_ptr<std::uint64_t[]> bits_;
  std::uint32_t capacity_ = 0;
  std::uint32_t begin_;
  std::uint32_t end_;
  std::uint32_t bound_;
  std::uint32_t outstanding_ = 0;
  std::uint64_t in_flight_bytes_ = 0;
  Chain in_flight_;
  Chain lost_;
};

}  // namespace enid::srd
