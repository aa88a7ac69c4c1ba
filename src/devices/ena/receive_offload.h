// What the device tells a driver about a frame that it brings: its protocols, and whether its checksums are
// right.
//
//   A frame whose checksum was unfinished or verified comes from a neighbour whom the card trusts. Any other
//   is verified here, as the adapter would: a guest that must do it itself takes far longer.
//   Documented: ena_eth_io_rx_cdesc_base. Observed: Linux takes a frame with "checked" and TCP or UDP as
//   verified.
#pragma once

#include <cstdint>

#include "card/ports/frame_port.h"
#include "wire/frame_layout.h"

namespace enid::devices::ena {

// The completion's status without phase, first and last.
std::uint32_t receive_status_of(ConstBytes frame, const wire::FrameLayout& layout,
                                const card::FrameOffload& offload);

}  // namespace enid::devices::ena
