#include "card/frame_merger.h"

#include <algorithm>
#include <cstring>

#include "wire/checksum.h"
#include "wire/ethernet.h"
#include "wire/frame_layout.h"
#include "wire/ip_protocol.h"
#include "wire/ipv4.h"
#include "wire/tcp.h"

namespace enid::card {
namespace {

constexpr std::size_t kIpAt = wire::EthernetHeader::kBytes;
constexpr std::size_t kTcpAt = kIpAt + wire::Ipv4Header::kBytesMin;
constexpr std::size_t kIpBytesMax = 65'535;
// Offsets in the TCP header.
constexpr std::size_t kSequenceAt = 4;
constexpr std::size_t kAcknowledgementAt = 8;
constexpr std::size_t kWindowAt = 14;
constexpr std::size_t kChecksumAt = 16;
constexpr std::size_t kUrgentAt = 18;

bool is_equal(const std::uint8_t* a, const std::uint8_t* b, std::size_t from, std::size_t end) {
  return std::memcmp(a + from, b + from, end - from) == 0;
}

}  // namespace

FrameMerger::Reading FrameMerger::read_segment(const Frame& frame, Segment& segment) {
  const ConstBytes bytes = frame.bytes;
  if (bytes.size() < kTcpAt || load_be16(bytes.data() + 12) != wire::ether_type::kIpv4)
    return Reading::kOther;
  const std::uint8_t* const ip = bytes.data() + kIpAt;
  if (ip[9] != wire::ip_protocol::kTcp) return Reading::kOther;
  // Options and fragments: its ports are not where they are looked for.
  if (ip[0] != 0x45 || (load_be16(ip + 6) & 0xbfff) != 0) return Reading::kOfAnyFlow;
  if (bytes.size() < kTcpAt + wire::TcpHeader::kBytesMin) return Reading::kOfAnyFlow;
  const std::uint8_t* const tcp = bytes.data() + kTcpAt;
  segment.addresses = std::uint64_t{load_be32(ip + 12)} << 32 | load_be32(ip + 16);
  segment.ports = load_be32(tcp);
  const std::size_t total = load_be16(ip + 2);
  const std::size_t tcp_header = (tcp[12] >> 4) * 4u;
  if (frame.offload.segmentation != Segmentation::kNone || frame.offload.checksum_needed ||
      kIpAt + total > bytes.size() || tcp_header < wire::TcpHeader::kBytesMin ||
      total <= wire::Ipv4Header::kBytesMin + tcp_header)
    return Reading::kAlone;
  const std::uint8_t flags = tcp[wire::TcpHeader::kFlagsAt];
  if ((flags & ~wire::tcp_flag::kPsh) != wire::tcp_flag::kAck) return Reading::kAlone;
  segment.sequence = load_be32(tcp + kSequenceAt);
  segment.header_bytes = static_cast<std::uint16_t>(kTcpAt + tcp_header);
  segment.payload_bytes = static_cast<std::uint16_t>(total - wire::Ipv4Header::kBytesMin - tcp_header);
  segment.ends_merge = (flags & wire::tcp_flag::kPsh) != 0;
  const wire::FrameLayout layout = wire::read_layout(bytes);
  if (!layout.has_l4()) return Reading::kAlone;
  const std::size_t l4_bytes = layout.end - layout.l4_offset;
  const std::uint64_t sum = wire::pseudo_header_sum(bytes, layout, l4_bytes);
  const bool is_sound = wire::internet_checksum(bytes.subspan(layout.l4_offset, l4_bytes), sum) == 0;
  return is_sound ? Reading::kSegment : Reading::kAlone;
}

bool FrameMerger::fits(const Chain& chain, std::size_t i, std::span<const Frame> frames) const {
  const Segment& first = segments_[chain.first];
  const Segment& segment = segments_[i];
  if (segment.sequence != chain.next_sequence || segment.header_bytes != first.header_bytes) return false;
  if (segment.payload_bytes > first.payload_bytes) return false;
  if (chain.bytes - kIpAt + segment.payload_bytes > kIpBytesMax) return false;
  const std::uint8_t* const a = frames[chain.first].bytes.data();
  const std::uint8_t* const b = frames[i].bytes.data();
  // Type of service, flags, time to live; acknowledgement, window, urgent pointer and options.
  return is_equal(a, b, 0, kIpAt) && a[kIpAt + 1] == b[kIpAt + 1] && a[kIpAt + 6] == b[kIpAt + 6] &&
         a[kIpAt + 8] == b[kIpAt + 8] && is_equal(a, b, kTcpAt + kAcknowledgementAt, kTcpAt + 12) &&
         is_equal(a, b, kTcpAt + kWindowAt, kTcpAt + kChecksumAt) &&
         is_equal(a, b, kTcpAt + kUrgentAt, first.header_bytes);
}

std::span<const FrameMerger::Joined> FrameMerger::merge(std::span<Frame> frames) {
  std::size_t chain_count = 0;
  std::size_t joined_count = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Segment& segment = segments_[i];
    segment = {};
    const Reading reading = read_segment(frames[i], segment);
    if (reading == Reading::kOther) continue;
    // The flow's open chain, if it has one; what does not fit ends it.
    Chain* chain = nullptr;
    for (std::size_t k = 0; k < chain_count; ++k)
      if (reading == Reading::kOfAnyFlow) {
        chains_[k].open = false;
      } else if (chains_[k].open && segments_[chains_[k].first].ports == segment.ports &&
                 segments_[chains_[k].first].addresses == segment.addresses) {
        chain = &chains_[k];
      }
    const auto place = static_cast<std::uint8_t>(i);
    if (chain != nullptr && reading == Reading::kSegment && fits(*chain, i, frames)) {
      joined_[joined_count++] = {place, chain->first};
      next_[chain->last] = place;
      chain->last = place;
      ++chain->count;
      chain->bytes += segment.payload_bytes;
      chain->next_sequence += segment.payload_bytes;
      chain->open = !segment.ends_merge && segment.payload_bytes == segments_[chain->first].payload_bytes;
      continue;
    }
    if (chain != nullptr) chain->open = false;
    if (reading != Reading::kSegment || segment.ends_merge) continue;
    chains_[chain_count++] = {
        .first = place,
        .last = place,
        .count = 1,
        .bytes = static_cast<std::uint32_t>(segment.header_bytes) + segment.payload_bytes,
        .next_sequence = segment.sequence + segment.payload_bytes,
        .open = true};
  }
  if (joined_count == 0) return {};
  std::size_t needed = 0;
  for (std::size_t k = 0; k < chain_count; ++k)
    if (chains_[k].count > 1) needed += chains_[k].bytes;
  if (bytes_.size() < needed) bytes_.resize(needed);
  used_ = 0;
  for (std::size_t k = 0; k < chain_count; ++k)
    if (chains_[k].count > 1) build(chains_[k], frames);
  return {joined_.data(), joined_count};
}

void FrameMerger::build(const Chain& chain, std::span<Frame> frames) {
  const Segment& first = segments_[chain.first];
  const Bytes made = Bytes(bytes_).subspan(used_, chain.bytes);
  used_ += chain.bytes;
  std::uint8_t* to = made.data();
  std::memcpy(to, frames[chain.first].bytes.data(), first.header_bytes);
  to += first.header_bytes;
  for (std::size_t i = chain.first, left = chain.count; left != 0; --left, i = next_[i]) {
    std::memcpy(to, frames[i].bytes.data() + segments_[i].header_bytes, segments_[i].payload_bytes);
    to += segments_[i].payload_bytes;
  }
  std::uint8_t* const ip = made.data() + kIpAt;
  store_be16(ip + 2, static_cast<std::uint16_t>(made.size() - kIpAt));
  store_be16(ip + wire::Ipv4Header::kChecksumAt, 0);
  store_be16(ip + wire::Ipv4Header::kChecksumAt,
             wire::internet_checksum(ConstBytes(ip, wire::Ipv4Header::kBytesMin)));
  std::uint8_t* const tcp = made.data() + kTcpAt;
  // Of those that may be merged only the last one may have it.
  if (segments_[chain.last].ends_merge)
    tcp[wire::TcpHeader::kFlagsAt] = wire::tcp_flag::kAck | wire::tcp_flag::kPsh;
  // The pseudo header's sum, for whoever makes the checksum.
  const wire::FrameLayout layout = wire::read_layout(made);
  const std::uint64_t sum = wire::pseudo_header_sum(made, layout, made.size() - kTcpAt);
  store_be16(tcp + kChecksumAt, static_cast<std::uint16_t>(~wire::internet_checksum({}, sum)));
  frames[chain.first] = {.bytes = made,
                         .offload = {.checksum_needed = true,
                                     .segmentation = Segmentation::kTcp4,
                                     .header_bytes = first.header_bytes,
                                     .segment_bytes = first.payload_bytes,
                                     .checksum_start = kTcpAt,
                                     .checksum_offset = kChecksumAt}};
}

}  // namespace enid::card
