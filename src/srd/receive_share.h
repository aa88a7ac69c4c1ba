// ReceiveShare: how much each of the senders to one card may send, so that together they fill its link.
//
// Theory of operation
//   One object a card. Each connection that delivers tells its arrivals; a sender is active while it sent
//   within the last kActiveFor. When the link is nearly full and several senders are active, the share is
//   link / active senders, and grows while some of them use less than theirs; else there is no limit (0).
//   The owner puts share() into each of its connections with set_receive_share().
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"

namespace enid::srd {

class ReceiveShare {
 public:
  explicit ReceiveShare(std::uint64_t link_bits_per_second);

  // `sender`: the owner's small number of the connection.
  void on_arrival(Instant now, std::uint32_t sender, std::uint32_t bytes);
  // Bits a second for each sender; 0: no limit.
  std::uint64_t share(Instant now);

 private:
  std::uint64_t link_bits_per_second_;
  std::vector<Instant> last_arrival_;
  std::uint64_t bytes_in_interval_ = 0;
  Instant interval_began_{};
  std::uint64_t share_ = 0;
};

}  // namespace enid::srd
