// Segmenter: cuts a super-frame into the packets that its sender meant.
//
// Theory of operation
//   The headers are copied once and changed for each packet: IP length, identification and checksum, TCP
//   sequence, flags and checksum, UDP length and checksum. The payload is never copied: a packet is these
//   headers and a part of the super-frame. One pass over the payload makes the checksums.
//
//   Documented: RFC 9293 section 3.1; Linux tcp_offload.c, udp_offload.c (FIN and PSH belong to the last
//   segment, CWR to the first; IPv4's identification counts up).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "wire/frame_layout.h"

namespace enid::wire {

class Segmenter {
 public:
  static constexpr std::size_t kHeadersMax = 256;

  // `layout` is of `frame`, by IpLength::kToFrameEnd. Empty: neither TCP nor UDP, or headers beyond
  // kHeadersMax.
  static std::optional<Segmenter> create(ConstBytes frame, const FrameLayout& layout,
                                         std::size_t segment_bytes);

  // False when there is none left. The first call makes the first packet.
  bool next();
  ConstBytes headers() const { return ConstBytes(headers_).first(layout_.headers()); }
  ConstBytes payload() const { return payload_; }
  // Packets not made yet.
  std::size_t left() const { return (rest_.size() + segment_bytes_ - 1) / segment_bytes_; }

 private:
  Segmenter(ConstBytes frame, const FrameLayout& layout, std::size_t segment_bytes);

  void write_ip(std::size_t packet_bytes);
  void write_tcp();
  void write_checksum(std::size_t l4_bytes);

  FrameLayout layout_;
  std::size_t segment_bytes_;
  ConstBytes rest_;
  ConstBytes payload_;
  std::uint64_t pseudo_sum_;  // Without the length.
  std::uint32_t sequence_ = 0;
  std::uint16_t identification_ = 0;
  std::uint8_t flags_ = 0;
  bool is_first_ = true;
  std::array<std::uint8_t, kHeadersMax> headers_;
};

}  // namespace enid::wire
