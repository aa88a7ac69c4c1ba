// FrameLayout: where a frame's headers are. Both directions need it: to finish checksums, to cut
// super-frames, to tell the guest what a frame is, and to choose its queue.
//
//   The reader trusts nothing: what does not lie in the frame is not there. One VLAN tag is stepped over.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace enid::wire {

struct FrameLayout {
  std::uint8_t version = 0;    // 4, 6; 0: not IP, or a damaged header, and nothing else is valid.
  std::uint8_t protocol = 0;   // Of what follows IP.
  bool is_fragment = false;    // Then there is no L4 header.
  std::size_t ip_offset = 14;  // From the frame's first byte, as all.
  std::size_t l4_offset = 0;
  std::size_t end = 0;              // Of the IP packet, by its own length; within the frame.
  std::size_t l4_header_bytes = 0;  // TCP's with options, UDP's. 0: neither, or cut short.

  bool is_tcp() const;
  bool is_udp() const;
  bool has_l4() const { return l4_header_bytes != 0; }
  std::size_t headers() const { return l4_offset + l4_header_bytes; }
  // Of L4's checksum in its header. Needs has_l4().
  std::size_t checksum_offset() const { return is_tcp() ? 16 : 6; }
};

enum class IpLength : std::uint8_t {
  kAsWritten,
  kToFrameEnd,  // The IP header's length is still to be made.
};

FrameLayout read_layout(ConstBytes frame, IpLength length = IpLength::kAsWritten);

// Of the L4 header and payload, as the pseudo header needs it. Needs has_l4().
std::uint64_t pseudo_header_sum(ConstBytes frame, const FrameLayout& layout, std::size_t l4_bytes);

}  // namespace enid::wire
