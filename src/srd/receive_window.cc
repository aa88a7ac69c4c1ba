#include "srd/receive_window.h"

#include <bit>

namespace enid::srd {

ReceiveWindow::ReceiveWindow(std::uint32_t first_psn, std::uint32_t bound)
    : next_(first_psn), end_(first_psn), bound_(bound) {}

ReceiveWindow::Insertion ReceiveWindow::insert(std::uint32_t psn) {
  const std::int32_t ahead = psn_distance(next_, psn);
  if (ahead < 0) return Insertion::kDuplicate;
  // A block is shared by 64 PSNs, so the last block before the bound might alias the first.
  if (ahead >= static_cast<std::int32_t>(bound_ - 64)) return Insertion::kBeyond;
  if (ahead == 0 && end_ == next_) {  // In order and nothing missing: no bit needed.
    end_ = ++next_;
    return Insertion::kNew;
  }
  const std::uint32_t needed = static_cast<std::uint32_t>(ahead) + 64;
  if (needed > capacity_) grow(needed);
  const std::uint64_t bit = 1ULL << (psn % 64);
  if (word(psn) & bit) return Insertion::kDuplicate;
  word(psn) |= bit;
  if (!psn_before(psn, end_)) end_ = psn + 1;
  if (ahead == 0) advance();
  return Insertion::kNew;
}

bool ReceiveWindow::contains(std::uint32_t psn) const {
  if (psn_before(psn, next_)) return true;
  return psn_before(psn, end_) && (word(psn) >> (psn % 64) & 1);
}

// Bits are cleared as next_ passes them, so that a ring word is clean when its next block comes.
void ReceiveWindow::advance() {
  while (next_ != end_) {
    std::uint64_t& bits = word(next_);
    const std::uint32_t offset = next_ % 64;
    const auto run = static_cast<std::uint32_t>(std::countr_one(bits >> offset));
    const std::uint32_t passed = run < 64 - offset ? run : 64 - offset;
    if (passed == 0) return;
    bits &= ~(bits_within(block_of(next_), next_, next_ + passed));
    next_ += passed;
  }
}

void ReceiveWindow::remove(std::uint32_t psn) {
  if (psn_before(next_, psn) || next_ == psn) {
    word(psn) &= ~(1ULL << (psn % 64));
    return;
  }
  // next_ had passed it: what lies between has arrived and needs bits again.
  const std::uint32_t passed_to = next_;
  const std::uint32_t needed = static_cast<std::uint32_t>(psn_distance(psn, end_)) + 64;
  if (needed > capacity_) grow(needed);
  next_ = psn;
  for (std::uint32_t p = psn + 1; p != passed_to; ++p) word(p) |= 1ULL << (p % 64);
}

std::uint64_t ReceiveWindow::block(std::uint32_t block) const {
  std::uint64_t bits = bits_within(block, block, next_);  // Before next_: arrived.
  if (capacity_ != 0) bits |= word(block) & bits_within(block, next_, end_);
  return bits;
}

void ReceiveWindow::grow(std::uint32_t needed) {
  std::uint32_t capacity = capacity_ == 0 ? kFirstBits : capacity_;
  while (capacity < needed) capacity *= 2;
  auto bits = std::make_unique<std::uint64_t[]>(capacity / 64);
  if (capacity_ != 0) {
    for (std::uint32_t b = block_of(next_); psn_before(b, end_); b += 64) {
      bits[(b / 64) & (capacity / 64 - 1)] = word(b) & bits_within(b, next_, end_);
    }
  }
  bits_ = std::move(bits);
  capacity_ = capacity;
}

void ReceiveWindow::release() {
  if (next_ != end_) return;
  bits_.reset();
  capacity_ = 0;
}

}  // namespace enid::srd
