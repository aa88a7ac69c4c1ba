#include "card/tunnel/tunnel_sender.h"

#include <algorithm>
#include <utility>

#include "card/tunnel/finish_checksum.h"
#include "wire/frame_layout.h"

namespace enid::card {
TunnelSender::TunnelSender()
    : headers_(std::make_unique<std::array<std::array<std::uint8_t, kHeaderBytesMax>, kDatagramsMax>>()) {}

std::size_t TunnelSender::send(fabric::Underlay& underlay, Ipv4Address host,
                               std::span<const TunnelFrame> frames) {
  underlay_ = &underlay;
  host_ = host;
  count_ = 0;
  // Frames whose datagrams are still gathered may be refused at the next flush; `left` counts those that
  // went.
  std::size_t left = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const TunnelFrame& frame = frames[i];
    bool went = true;
    if (frame.frame.offload.segmentation != Segmentation::kNone) {
      if (count_ != 0 && !flush()) return left;
      left = i;
      went = add_segments(frame) && flush();
    } else {
      if (count_ == kDatagramsMax) {
        if (!flush()) return left;
        left = i;
      }
      if (frame.frame.offload.checksum_needed) finish_checksum(frame.frame);
      went = add(frame, {}, frame.frame.bytes);
    }
    if (!went) return left;
    if (count_ == 0) left = i + 1;
  }
  return flush() ? frames.size() : left;
}

bool TunnelSender::add_segments(const TunnelFrame& frame) {
  const Bytes bytes = frame.frame.bytes;
  const wire::FrameLayout layout = wire::read_layout(bytes);
  auto segments = wire::Segmenter::create(bytes, layout, frame.frame.offload.segment_bytes);
  if (!segments) return true;  // The parse stage lets no such frame pass.
  while (segments->next())
    if (!add(frame, segments->headers(), segments->payload())) return false;
  return true;
}

bool TunnelSender::add(const TunnelFrame& frame, ConstBytes headers, ConstBytes payload) {
  if (count_ == kDatagramsMax && !flush()) return false;
  auto& header = (*headers_)[count_];
  std::size_t used = TunnelHeader{.vni = frame.vni, .is_forwarded = frame.is_forwarded}.write(header);
  std::ranges::copy(headers, header.begin() + static_cast<std::ptrdiff_t>(used));
  used += headers.size();
  datagrams_[count_++] = {.to = host_,
                          .channel = fabric::Channel::kGeneve,
                          .path = frame.path,
                          .is_ecn_capable = false,
                          .header = ConstBytes(header).first(used),
                          .payload = payload};
  return true;
}

bool TunnelSender::flush() {
  const std::size_t count = std::exchange(count_, 0);
  return count == 0 || underlay_->send({datagrams_.data(), count}) == count;
}

}  // namespace enid::card
