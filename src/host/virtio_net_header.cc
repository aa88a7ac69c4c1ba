#include "host/virtio_net_header.h"

#include "base/check.h"

namespace enid::host {
namespace {

using card::FrameOffload;
using card::Segmentation;

constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::uint8_t kDataValid = 2;

constexpr std::uint8_t kTypeNone = 0;
constexpr std::uint8_t kTypeTcp4 = 1;
constexpr std::uint8_t kTypeTcp6 = 4;
constexpr std::uint8_t kTypeUdp = 5;
constexpr std::uint8_t kCongestionBit = 0x80;

constexpr std::size_t kEthernetBytes = 14;

std::uint16_t load_le16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[0] | p[1] << 8); }

void store_le16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v);
  p[1] = static_cast<std::uint8_t>(v >> 8);
}

std::optional<Segmentation> segmentation_of(std::uint8_t type) {
  switch (type) {
    case kTypeNone:
      return Segmentation::kNone;
    case kTypeTcp4:
      return Segmentation::kTcp4;
    case kTypeTcp6:
      return Segmentation::kTcp6;
    case kTypeUdp:
      return Segmentation::kUdp;
    default:
      return std::nullopt;
  }
}

std::uint8_t type_of(Segmentation segmentation) {
  switch (segmentation) {
    case Segmentation::kNone:
      return kTypeNone;
    case Segmentation::kTcp4:
      return kTypeTcp4;
    case Segmentation::kTcp6:
      return kTypeTcp6;
    case Segmentation::kUdp:
      return kTypeUdp;
  }
  return kTypeNone;
}

}  // namespace

std::optional<FrameOffload> parse_virtio_net_header(ConstBytes header, std::size_t frame_bytes) {
  CHECK(header.size() >= kVirtioNetHeaderBytes);
  const std::uint8_t* p = header.data();
  FrameOffload offload;
  offload.checksum_needed = (p[0] & kNeedsChecksum) != 0;
  offload.checksum_valid = (p[0] & kDataValid) != 0 && !offload.checksum_needed;
  const auto segmentation = segmentation_of(p[1] & static_cast<std::uint8_t>(~kCongestionBit));
  if (!segmentation) return std::nullopt;
  offload.segmentation = *segmentation;
  offload.explicit_congestion = (p[1] & kCongestionBit) != 0;

  if (offload.checksum_needed) {
    offload.checksum_start = load_le16(p + 6);
    offload.checksum_offset = load_le16(p + 8);
    const std::size_t end = std::size_t{offload.checksum_start} + offload.checksum_offset + 2;
    if (offload.checksum_start < kEthernetBytes || end > frame_bytes) return std::nullopt;
  }
  if (offload.segmentation == Segmentation::kNone) {
    if (offload.explicit_congestion) return std::nullopt;
    return offload;
  }
  offload.header_bytes = load_le16(p + 2);
  offload.segment_bytes = load_le16(p + 4);
  if (!offload.checksum_needed || offload.segment_bytes == 0) return std::nullopt;
  if (offload.header_bytes > frame_bytes) return std::nullopt;
  if (offload.explicit_congestion && offload.segmentation == Segmentation::kUdp) return std::nullopt;
  return offload;
}

void write_virtio_net_header(const FrameOffload& offload, Bytes header) {
  CHECK(header.size() >= kVirtioNetHeaderBytes);
  std::uint8_t* p = header.data();
  std::memset(p, 0, kVirtioNetHeaderBytes);
  if (offload.checksum_needed) {
    p[0] = kNeedsChecksum;
    store_le16(p + 6, offload.checksum_start);
    store_le16(p + 8, offload.checksum_offset);
  } else if (offload.checksum_valid) {
    p[0] = kDataValid;
  }
  if (offload.segmentation == Segmentation::kNone) return;
  p[1] = type_of(offload.segmentation);
  if (offload.explicit_congestion) p[1] |= kCongestionBit;
  store_le16(p + 2, offload.header_bytes);
  store_le16(p + 4, offload.segment_bytes);
}

}  // namespace enid::host
