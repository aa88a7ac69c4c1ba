// ReceiveSteerer: which receive queue a frame belongs to.
//
//   A frame's kind (TCP over IPv4, …) selects the fields that are hashed, as the driver has chosen; the hash
//   selects an entry of the driver's table.
//   Documented: ena_admin_defs.h (ena_admin_flow_hash_proto, ena_admin_flow_hash_fields). Chosen: selected
//   fields are hashed in Microsoft's order: source and destination address, source and destination port; then
//   MACs alone.
#pragma once

#include <cstdint>

#include "devices/ena/data_path.h"
#include "devices/ena/toeplitz.h"
#include "wire/frame_layout.h"

namespace enid::devices::ena {

class ReceiveSteerer {
 public:
  explicit ReceiveSteerer(const ReceiveSteering& steering) : steering_(steering), toeplitz_(steering.key) {}

  bool is_on() const { return steering_.is_on; }
  std::uint32_t hash(ConstBytes frame, const wire::FrameLayout& layout) const;
  std::uint16_t queue(std::uint32_t hash) const { return steering_.table[hash % kSteeringTableEntries]; }

 private:
  ReceiveSteering steering_;
  Toeplitz toeplitz_;
};

}  // namespace enid::devices::ena
