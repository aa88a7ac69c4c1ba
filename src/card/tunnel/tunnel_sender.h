// TunnelSender: frames into datagrams to another card.
//
// Theory of operation
//   Offload notes do not travel: checksums are finished here, and a super-frame is cut into the packets that
//   its sender meant. The payload is never copied; the headers in front of it are made in an arena of
//   headers. The datagrams of a super-frame are equally long and follow each other, as the underlay likes
//   them.
//
// Invariant: memory is the arena, for kDatagramsMax datagrams.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "card/ports/frame_port.h"
#include "card/tunnel/tunnel_header.h"
#include "fabric/underlay.h"
#include "wire/segmenter.h"

namespace enid::card {

struct TunnelFrame {
  Frame frame;
  std::uint32_t vni = 0;
  std::uint16_t path = 0;  // Below fabric::kPaths.
  bool is_forwarded = false;
};

class TunnelSender {
 public:
  TunnelSender();

  // May change the frames' bytes. Answers how many of them left, from the front; the next one did not, or not
  // whole.
  std::size_t send(fabric::Underlay& underlay, Ipv4Address host, std::span<const TunnelFrame> frames);

 private:
  static constexpr std::size_t kDatagramsMax = 64;
  static constexpr std::size_t kHeaderBytesMax = TunnelHeader::kBytesMax + wire::Segmenter::kHeadersMax;

  // False: the underlay took less than all.
  bool add(const TunnelFrame& frame, ConstBytes headers, ConstBytes payload);
  bool add_segments(const TunnelFrame& frame);
  bool flush();

  fabric::Underlay* underlay_ = nullptr;  // During send().
  Ipv4Address host_;
  std::array<fabric::OutgoingDatagram, kDatagramsMax> datagrams_;
  std::unique_ptr<std::array<std::array<std::uint8_t, kHeaderBytesMax>, kDatagramsMax>> headers_;
  std::size_t count_ = 0;
};

}  // namespace enid::card
