// finish_checksum: makes the L4 checksum that a frame's offload notes say is still to be made.
#pragma once

#include "card/ports/frame_port.h"
#include "wire/checksum.h"

namespace enid::card {

// The parse stage has seen that the notes lie within the frame.
inline void finish_checksum(const Frame& frame) {
  const Bytes covered = frame.bytes.subspan(frame.offload.checksum_start);
  std::uint8_t* const field = covered.data() + frame.offload.checksum_offset;
  // The field holds the pseudo header's sum, and is part of what is summed.
  const std::uint16_t checksum = wire::internet_checksum(covered);
  store_be16(field, checksum == 0 ? 0xffff : checksum);
}

}  // namespace enid::card
