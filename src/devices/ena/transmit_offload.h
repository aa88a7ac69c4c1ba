// TransmitNotes: what a driver asks the device to do to a packet, and how the card hears of it.
//
// Theory of operation
//   ENA's descriptors ask for checksums and for segmentation by bits, and tell the segment's size by the
//   meta descriptor, which is sent only when it changes. The card speaks virtio's notes
//   (card::FrameOffload). The two differ in who begins the checksum: virtio expects the pseudo header's sum
//   in the field, ENA leaves it to the device when it segments. Positions of headers are read from the frame
//   itself, not from the meta descriptor: so there is nothing in it to lie about.
//
//   Documented: Linux ena_netdev.c (ena_tx_csum). Observed: Linux sets no L3 checksum without segmentation;
//   with it the IP length and checksums are the device's to make. DPDK asks for L3 checksums alone, too.
#pragma once

#include <cstdint>
#include <optional>

#include "card/ports/frame_port.h"
#include "devices/ena/rings.h"

namespace enid::devices::ena {

struct TransmitNotes {
  bool segments = false;
  bool makes_l3_checksum = false;
  bool makes_l4_checksum = false;
  bool has_pseudo_header_sum = false;
  std::uint16_t segment_bytes = 0;

  bool asks_nothing() const { return !segments && !makes_l3_checksum && !makes_l4_checksum; }
};

// Chosen: Linux's own least segment (tcp_min_snd_mss). Less makes thousands of packets of one.
constexpr std::uint16_t kSegmentBytesMin = 48;

// A meta descriptor, as a queue remembers it.
std::uint64_t pack_meta(const TransmitDescriptor& descriptor);
TransmitNotes read_notes(const TransmitDescriptor& first, std::uint64_t meta);

// Makes in the frame what is cheap, and notes the rest for the card. Empty: the notes do not fit the frame,
// which is to be dropped.
std::optional<card::FrameOffload> apply_notes(const TransmitNotes& notes, Bytes frame);

}  // namespace enid::devices::ena
