// Allowances: what an instance may see of the limits that its card holds it to, and of ENA Express.
//
// Theory of operation
//   An ENA driver shows its instance how often packets were delayed or dropped because of a limit (ethtool
//   -S). The card counts drops anyway, so a port asks when its driver asks, on the card's thread, and no
//   packet pays for it.
//
// Documented: EC2 User Guide, "Monitor network performance for ENA settings on your EC2 instance".
// Chosen: EC2 counts connections for a whole instance, by a limit of its type that is not published. Here
// each interface has its own share of the card's table (flow/connection_table.h), so both numbers are the
// interface's. A packet that found no room is counted once, whichever gate it was that had none for it.
#pragma once

#include <cstdint>

#include "contract/card_report.h"

namespace enid::card {

struct Allowances {
  std::uint64_t link_local_exceeded = 0;  // Packets to link-local services beyond their rate.
  std::uint64_t connections_exceeded = 0;
  std::uint64_t connections_available = 0;  // How many more would be tracked now.
  contract::EnaExpressCounters express = {};
};

class AllowanceSource {
 public:
  virtual ~AllowanceSource() = default;
  virtual Allowances allowances() const = 0;
};

}  // namespace enid::card
