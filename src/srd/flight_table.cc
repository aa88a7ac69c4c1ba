#include "srd/flight_table.h"

#include <algorithm>
#include <bit>

namespace enid::srd {

FlightTable::FlightTable(std::uint32_t first_psn, std::uint32_t bound)
    : begin_(first_psn), end_(first_psn), bound_(bound) {}

// There is always a block more than what is outstanding, so that the first and the last never share a word.
bool FlightTable::grow() {
  const std::uint32_t capacity = capacity_ == 0 ? 2 * kFirstCapacity : capacity_ * 2;
  auto records = std::make_unique<Flight[]>(capacity);
  auto bits = std::make_unique<std::uint64_t[]>(capacity / 64);
  for (std::uint32_t psn = begin_; psn != end_; ++psn) {
    records[psn & (capacity - 1)] = records_[psn & (capacity_ - 1)];
    if (is_outstanding(psn)) bits[(psn / 64) & (capacity / 64 - 1)] |= 1ULL << (psn % 64);
  }
  records_ = std::move(records);
  bits_ = std::move(bits);
  capacity_ = capacity;
  return true;
}

Flight& FlightTable::add(Instant now, std::uint16_t payload_bytes) {
  const std::uint32_t psn = end_++;
  Flight& flight = at(psn);
  flight = Flight{};
  flight.psn = psn;
  flight.payload_bytes = payload_bytes;
  flight.sent_at = flight.first_sent_at = now;
  flight.transmissions = 1;
  word(psn) |= 1ULL << (psn % 64);
  ++outstanding_;
  append(in_flight_, flight);
  in_flight_bytes_ += flight.weight();
  return flight;
}

void FlightTable::sent_again(Instant now, Flight& flight) {
  unlink(flight);
  flight.state = Flight::State::kInFlight;
  flight.sent_at = now;
  if (flight.transmissions != 255) ++flight.transmissions;
  append(in_flight_, flight);
  in_flight_bytes_ += flight.weight();
}

void FlightTable::drop_payload(Flight& flight) {
  if (flight.state == Flight::State::kInFlight) in_flight_bytes_ -= flight.payload_bytes;
  flight.payload_bytes = 0;
}

void FlightTable::mark_lost(Flight& flight) {
  unlink(flight);
  flight.state = Flight::State::kLost;
  append(lost_, flight);
}

void FlightTable::remove(Flight& flight) {
  unlink(flight);
  word(flight.psn) &= ~(1ULL << (flight.psn % 64));
  --outstanding_;
  if (flight.psn != begin_) return;
  while (begin_ != end_) {
    const std::uint64_t ahead = word(begin_) >> (begin_ % 64);
    const std::uint32_t in_block = 64 - begin_ % 64;
    const std::uint32_t step = ahead == 0 ? in_block : static_cast<std::uint32_t>(std::countr_zero(ahead));
    if (step == 0) return;
    begin_ += std::min(step, end_ - begin_);
  }
}

bool FlightTable::is_outstanding(std::uint32_t psn) const {
  return !psn_before(psn, begin_) && psn_before(psn, end_) && (word(psn) >> (psn % 64) & 1);
}

std::uint64_t FlightTable::outstanding_in(std::uint32_t block) const {
  const std::uint64_t within = bits_within(block, begin_, end_);
  return within == 0 ? 0 : word(block) & within;
}

void FlightTable::append(Chain& chain, Flight& flight) {
  const auto link = static_cast<std::uint16_t>(flight.psn);
  flight.newer = link;
  flight.older = link;
  if (chain.size++ == 0) {
    chain.oldest = link;
  } else {
    flight.older = chain.newest;
    by_link(chain.newest).newer = link;
  }
  chain.newest = link;
}

void FlightTable::unlink(Flight& flight) {
  const bool in_flight = flight.state == Flight::State::kInFlight;
  Chain& chain = in_flight ? in_flight_ : lost_;
  if (in_flight) in_flight_bytes_ -= flight.weight();
  const auto link = static_cast<std::uint16_t>(flight.psn);
  if (chain.oldest == link) {
    chain.oldest = flight.newer;
  } else {
    by_link(flight.older).newer = flight.newer == link ? flight.older : flight.newer;
  }
  if (chain.newest == link) {
    chain.newest = flight.older;
  } else {
    by_link(flight.newer).older = flight.older == link ? flight.newer : flight.older;
  }
  --chain.size;
}

void FlightTable::release() {
  if (!empty()) return;
  records_.reset();
  bits_.reset();
  capacity_ = 0;
}

}  // namespace enid::srd
