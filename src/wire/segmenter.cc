#include "wire/segmenter.h"

#include <algorithm>
#include <cstring>

#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp.h"

namespace enid::wire {
namespace {

constexpr std::uint8_t kCongestionWindowReduced = 0x80;
constexpr std::size_t kIdentificationAt = 4;

}  // namespace

std::optional<Segmenter> Segmenter::create(ConstBytes frame, const FrameLayout& layout,
                                           std::size_t segment_bytes) {
  if (layout.version == 0 || !layout.has_l4() || layout.headers() > kHeadersMax) return std::nullopt;
  if (segment_bytes == 0) return std::nullopt;
  return Segmenter(frame, layout, segment_bytes);
}

Segmenter::Segmenter(ConstBytes frame, const FrameLayout& layout, std::size_t segment_bytes)
    : layout_(layout), segment_bytes_(segment_bytes) {
  std::memcpy(headers_.data(), frame.data(), layout.headers());
  rest_ = frame.first(layout.end).subspan(layout.headers());
  pseudo_sum_ = pseudo_header_sum(frame, layout, 0);
  if (layout.version == 4) identification_ = load_be16(frame.data() + layout.ip_offset + kIdentificationAt);
  if (layout.is_tcp()) {
    sequence_ = load_be32(frame.data() + layout.l4_offset + 4);
    flags_ = frame[layout.l4_offset + TcpHeader::kFlagsAt];
  }
}

bool Segmenter::next() {
  if (rest_.empty()) return false;
  payload_ = rest_.first(std::min(segment_bytes_, rest_.size()));
  rest_ = rest_.subspan(payload_.size());
  const std::size_t packet_bytes = layout_.headers() - layout_.ip_offset + payload_.size();
  const std::size_t l4_bytes = layout_.l4_header_bytes + payload_.size();
  write_ip(packet_bytes);
  if (layout_.is_tcp()) {
    write_tcp();
  } else {
    store_be16(headers_.data() + layout_.l4_offset + 4, static_cast<std::uint16_t>(l4_bytes));
  }
  write_checksum(l4_bytes);
  is_first_ = false;
  return true;
}

void Segmenter::write_ip(std::size_t packet_bytes) {
  std::uint8_t* const ip = headers_.data() + layout_.ip_offset;
  if (layout_.version == 6) {
    store_be16(ip + 4, static_cast<std::uint16_t>(packet_bytes - Ipv6Header::kBytes));
    return;
  }
  store_be16(ip + 2, static_cast<std::uint16_t>(packet_bytes));
  store_be16(ip + kIdentificationAt, identification_++);
  store_be16(ip + Ipv4Header::kChecksumAt, 0);
  store_be16(ip + Ipv4Header::kChecksumAt, internet_checksum({ip, layout_.l4_offset - layout_.ip_offset}));
}

void Segmenter::write_tcp() {
  std::uint8_t* const tcp = headers_.data() + layout_.l4_offset;
  store_be32(tcp + 4, sequence_);
  sequence_ += static_cast<std::uint32_t>(payload_.size());
  std::uint8_t flags = flags_;
  if (!rest_.empty()) flags &= static_cast<std::uint8_t>(~(tcp_flag::kFin | tcp_flag::kPsh));
  if (!is_first_) flags &= static_cast<std::uint8_t>(~kCongestionWindowReduced);
  tcp[TcpHeader::kFlagsAt] = flags;
}

void Segmenter::write_checksum(std::size_t l4_bytes) {
  std::uint8_t* const l4 = headers_.data() + layout_.l4_offset;
  store_be16(l4 + layout_.checksum_offset(), 0);
  const std::uint64_t sum = checksum_add(pseudo_sum_ + l4_bytes, {l4, layout_.l4_header_bytes});
  const std::uint16_t checksum = internet_checksum(payload_, sum);
  // Zero and 0xffff are one number in this sum; for UDP zero would say that there is none.
  store_be16(l4 + layout_.checksum_offset(), checksum == 0 ? 0xffff : checksum);
}

}  // namespace enid::wire
