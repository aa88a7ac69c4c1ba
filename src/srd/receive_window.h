// ReceiveWindow: which PSNs have arrived, so that each is delivered at most once.
//
// Theory of operation
//   A ring of bits, one for each PSN from the first that is missing. What lies before it has arrived;
//   what lies more than the bound after it is refused, since it could not be remembered. The ring doubles
//   from kFirstBits up to the bound and is given back when nothing is missing.
//
// Invariants
//   (1) insert() answers kNew at most once for a PSN within 2^31 PSNs.
//   (2) The bit of next() is never set.
#pragma once

#include <cstdint>
#include <memory>

#include "srd/serial_number.h"

namespace enid::srd {

class ReceiveWindow {
 public:
  enum class Insertion : std::uint8_t { kNew, kDuplicate, kBeyond };
  static constexpr std::uint32_t kFirstBits = 512;

  // `bound`: PSNs, a power of two, at least kFirstBits.
  ReceiveWindow(std::uint32_t first_psn, std::uint32_t bound);

  Insertion insert(std::uint32_t psn);
  bool contains(std::uint32_t psn) const;
  // Undoes the insert() of a PSN that was the last call's kNew.
  void remove(std::uint32_t psn);

  std::uint32_t next() const { return next_; }  // The first that is missing.
  std::uint32_t end() const { return end_; }    // After the highest that has arrived.
  // The arrivals among the 64 PSNs of `block`, which lies in [block_of(next()), end()).
  std::uint64_t block(std::uint32_t block) const;
  std::uint32_t room() const { return bound_; }

  // Gives the ring back. Only when nothing after next() has arrived.
  void release();
  std::size_t bytes() const { return capacity_ / 8; }

 private:
  std::uint64_t& word(std::uint32_t psn) { return bits_[(psn / 64) & (capacity_ / 64 - 1)]; }
  const std::uint64_t& word(std::uint32_t psn) const { return bits_[(psn / 64) & (capacity_ / 64 - 1)]; }
  void grow(std::uint32_t needed);
  void advance();

  std::unique_ptr<std::uint64_t[]> bits_;
  std::uint32_t capacity_ = 0;  // Bits.
  std::uint32_t next_;
  std::uint32_t end_;
  std::uint32_t bound_;
};

}  // namespace enid::srd
