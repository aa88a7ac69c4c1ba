// VirtioNetHeader: the offload notes of a frame as TAP devices and guests write them.
//
// Theory of operation
//   The 12 bytes stand before each frame: flags, kind of segmentation, then 16-bit little endian
//   fields. Whoever writes the frame is not trusted, so parse() answers notes only if every one
//   of them points into the frame; the others are a frame to drop.
//
// Sources: Documented: virtio 1.2, section 5.1.6 "Device Operation"; 5.1.6.2.1: a driver that
//   asks for segmentation asks for the checksum, too. The legacy UDP fragmentation (type 3) is
//   refused, because no port offers it.
#pragma once

#include <cstddef>
#include <optional>

#include "base/bytes.h"
#include "card/ports/frame_port.h"

namespace enid::host {

constexpr std::size_t kVirtioNetHeaderBytes = 12;

// `header` holds kVirtioNetHeaderBytes; `frame_bytes` is the length of the frame behind it.
std::optional<card::FrameOffload> parse_virtio_net_header(ConstBytes header, std::size_t frame_bytes);
void write_virtio_net_header(const card::FrameOffload& offload, Bytes header);

}  // namespace enid::host
