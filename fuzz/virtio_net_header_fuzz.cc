// The offload notes before a frame: whatever they say, what is believed lies within the frame.
#include "base/check.h"
#include "host/virtio_net_header.h"

using namespace enid;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < host::kVirtioNetHeaderBytes) return 0;
  const std::size_t frame_bytes = size - host::kVirtioNetHeaderBytes;
  const auto offload = host::parse_virtio_net_header({data, host::kVirtioNetHeaderBytes}, frame_bytes);
  if (!offload) return 0;
  if (offload->checksum_needed) CHECK(offload->checksum_start + offload->checksum_offset + 2u <= frame_bytes);
  if (offload->segmentation != card::Segmentation::kNone) {
    CHECK(offload->segment_bytes > 0 && offload->header_bytes <= frame_bytes);
  }
  std::uint8_t written[host::kVirtioNetHeaderBytes];
  host::write_virtio_net_header(*offload, written);
  CHECK(host::parse_virtio_net_header(written, frame_bytes).has_value());
  return 0;
}
