#include "devices/ena/vector.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace enid::devices::ena {

void Vector::begin(std::uint8_t* word) {
  auto interrupt = std::move(interrupt_);
  *this = Vector{};
  word_ = word;
  interrupt_ = std::move(interrupt);
}

void Vector::resume() {
  is_pending_ = true;
  is_armed_ = true;
  due_ = {};
}

void Vector::set_interrupt(std::shared_ptr<pci::Interrupt> interrupt) {
  interrupt_ = std::move(interrupt);
  if (interrupt_ != nullptr && std::exchange(is_owed_, false)) interrupt_->raise();
}

void Vector::compute_due() {
  due_ = Instant::never();
  if (first_transmitted_ != Instant::never()) due_ = std::min(due_, first_transmitted_ + transmit_delay_);
  if (first_received_ != Instant::never()) due_ = std::min(due_, first_received_ + receive_delay_);
  if (due_ == Instant::never()) due_ = {};
}

void Vector::take_word() {
  const std::atomic_ref shared(*reinterpret_cast<std::uint32_t*>(word_));
  if (shared.load(std::memory_order_relaxed) == 0) return;
  const UnmaskWord word{shared.exchange(0, std::memory_order_acq_rel)};
  if (!word.keeps_delays()) {
    transmit_delay_ = Duration::from_microseconds(word.transmit_delay());
    receive_delay_ = Duration::from_microseconds(word.receive_delay());
    compute_due();
  }
  is_armed_ = is_armed_ || word.unmasks();
}

void Vector::poll(Instant now) {
  if (!is_pending_ || word_ == nullptr) return;
  // Also when armed: what was written before the interrupt asks for no other one.
  take_word();
  if (is_armed_ && due_ <= now) raise();
}

void Vector::raise() {
  is_armed_ = false;
  is_pending_ = false;
  first_transmitted_ = first_received_ = Instant::never();
  if (interrupt_ != nullptr) {
    interrupt_->raise();
  } else {
    is_owed_ = true;
  }
}

}  // namespace enid::devices::ena
