// Vector: one MSI-X vector of a queue pair, and when it may be raised.
//
// Theory of operation
//   Completions make a vector pending. The driver asks for an interrupt by the vector's unmask word in
//   the doorbell page, which arms it. An interrupt goes out when both are so, not sooner than the delay
//   that the word told, counted from the first completion; then both are over. The word is an event,
//   taken with an exchange, and looked at only when something is pending: words that arrived meanwhile are
//   one. A vector starts unarmed.
//
// Invariant: no completion is followed by silence. Whoever unmasks after it finds pending set;
//   and while the vector has no receiver the interrupt is owed, and goes out when there is one.
//
//   Documented: ena_eth_io_intr_reg; ENA's README: the device postpones the interrupt by the delay.
//   Observed: one vector serves a transmit and a receive queue, and only one of their words is written.
#pragma once

#include <memory>

#include "base/time.h"
#include "devices/ena/rings.h"
#include "pci/descriptor.h"

namespace enid::devices::ena {

class Vector {
 public:
  // `word` lies in the doorbell page. Forgets all but the receiver.
  void begin(std::uint8_t* word);
  // After the fast side began anew in a guest's life, an interrupt too many is better than one too few.
  void resume();
  void set_interrupt(std::shared_ptr<pci::Interrupt> interrupt);

  void on_transmitted(Instant now) { on_completion(now, first_transmitted_); }
  void on_received(Instant now) { on_completion(now, first_received_); }
  // Raises what is due.
  void poll(Instant now);
  Instant next_timeout() const { return is_pending_ && is_armed_ ? due_ : Instant::never(); }
  bool is_pending() const { return is_pending_; }

 private:
  void on_completion(Instant now, Instant& first) {
    if (first != Instant::never()) [[likely]]
      return;
    first = now;
    is_pending_ = true;
    compute_due();
  }
  void take_word();
  void compute_due();
  void raise();

  std::uint8_t* word_ = nullptr;
  std::shared_ptr<pci::Interrupt> interrupt_;
  bool is_owed_ = false;
  bool is_armed_ = false;
  bool is_pending_ = false;
  Instant first_transmitted_ = Instant::never();
  Instant first_received_ = Instant::never();
  Instant due_;
  Duration transmit_delay_;
  Duration receive_delay_;
};

}  // namespace enid::devices::ena
