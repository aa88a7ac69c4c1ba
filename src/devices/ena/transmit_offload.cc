#include "devices/ena/transmit_offload.h"

#include "wire/checksum.h"
#include "wire/frame_layout.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"

namespace enid::devices::ena {
namespace {

using card::FrameOffload;
using card::Segmentation;

void make_ipv4_checksum(Bytes frame, const wire::FrameLayout& layout) {
  std::uint8_t* const checksum = frame.data() + layout.ip_offset + wire::Ipv4Header::kChecksumAt;
  store_be16(checksum, 0);
  store_be16(checksum,
             wire::internet_checksum(frame.subspan(layout.ip_offset, layout.l4_offset - layout.ip_offset)));
}

FrameOffload unfinished_checksum(const wire::FrameLayout& layout) {
  FrameOffload offload;
  offload.checksum_needed = true;
  offload.checksum_start = static_cast<std::uint16_t>(layout.l4_offset);
  offload.checksum_offset = static_cast<std::uint16_t>(layout.checksum_offset());
  return offload;
}

void begin_checksum(Bytes frame, const wire::FrameLayout& layout) {
  const std::uint64_t sum = wire::pseudo_header_sum(frame, layout, layout.end - layout.l4_offset);
  store_be16(frame.data() + layout.l4_offset + layout.checksum_offset(), wire::checksum_fold(sum));
}

std::optional<FrameOffload> apply_segmentation(const TransmitNotes& notes, Bytes frame) {
  const wire::FrameLayout layout = wire::read_layout(frame, wire::IpLength::kToFrameEnd);
  if (layout.version == 0 || !layout.is_tcp() || !layout.has_l4()) return std::nullopt;
  if (notes.segment_bytes < kSegmentBytesMin) return std::nullopt;
  std::uint8_t* const ip = frame.data() + layout.ip_offset;
  const std::size_t ip_bytes = frame.size() - layout.ip_offset;
  if (layout.version == 4) {
    if (ip_bytes > 0xffff) return std::nullopt;
    store_be16(ip + 2, static_cast<std::uint16_t>(ip_bytes));
    make_ipv4_checksum(frame, layout);
  } else {
    store_be16(ip + 4, static_cast<std::uint16_t>(ip_bytes - wire::Ipv6Header::kBytes));
  }
  begin_checksum(frame, layout);
  FrameOffload offload = unfinished_checksum(layout);
  if (frame.size() - layout.headers() <= notes.segment_bytes) return offload;
  offload.segmentation = layout.version == 4 ? Segmentation::kTcp4 : Segmentation::kTcp6;
  offload.segment_bytes = notes.segment_bytes;
  offload.header_bytes = static_cast<std::uint16_t>(layout.headers());
  constexpr std::uint8_t kCongestionWindowReduced = 0x80;
  offload.explicit_congestion =
      (frame[layout.l4_offset + wire::TcpHeader::kFlagsAt] & kCongestionWindowReduced) != 0;
  return offload;
}

}  // namespace

std::uint64_t pack_meta(const TransmitDescriptor& descriptor) {
  return std::uint64_t{descriptor.length_control >> 16 & 0xf} << 32 | descriptor.address_low;
}

TransmitNotes read_notes(const TransmitDescriptor& first, std::uint64_t meta) {
  return {.segments = first.segments(),
          .makes_l3_checksum = first.makes_l3_checksum(),
          .makes_l4_checksum = first.makes_l4_checksum(),
          .has_pseudo_header_sum = first.has_pseudo_header_sum(),
          .segment_bytes = static_cast<std::uint16_t>((meta >> 32 & 0xf) << 10 | (meta >> 22 & 0x3ff))};
}

std::optional<FrameOffload> apply_notes(const TransmitNotes& notes, Bytes frame) {
  if (notes.segments) return apply_segmentation(notes, frame);
  if (notes.asks_nothing()) return FrameOffload{};
  const wire::FrameLayout layout = wire::read_layout(frame);
  if (layout.version == 0) return std::nullopt;
  if (notes.makes_l3_checksum && layout.version == 4) make_ipv4_checksum(frame, layout);
  if (!notes.makes_l4_checksum) return FrameOffload{};
  if (!layout.has_l4()) return std::nullopt;
  if (!notes.has_pseudo_header_sum) begin_checksum(frame, layout);
  return unfinished_checksum(layout);
}

}  // namespace enid::devices::ena
