#include "devices/ena/receive_offload.h"

#include "devices/ena/rings.h"
#include "wire/checksum.h"

namespace enid::devices::ena {
namespace {

bool is_right(ConstBytes bytes, std::uint64_t sum) {
  return wire::checksum_fold(wire::checksum_add(sum, bytes)) == 0xffff;
}

// Over IPv4 a UDP checksum of zero says that there is none.
bool has_checksum(ConstBytes frame, const wire::FrameLayout& layout) {
  if (!layout.is_udp()) return true;
  return load_be16(frame.data() + layout.l4_offset + layout.checksum_offset()) != 0;
}

std::uint32_t verify(ConstBytes frame, const wire::FrameLayout& layout) {
  std::uint32_t status = 0;
  if (layout.version == 4 &&
      !is_right(frame.subspan(layout.ip_offset, layout.l4_offset - layout.ip_offset), 0)) {
    status |= receive_status::kL3ChecksumError;
  }
  if (!layout.has_l4() || !has_checksum(frame, layout)) return status;
  const std::size_t l4_bytes = layout.end - layout.l4_offset;
  status |= receive_status::kL4ChecksumChecked;
  if (!is_right(frame.subspan(layout.l4_offset, l4_bytes),
                wire::pseudo_header_sum(frame, layout, l4_bytes))) {
    status |= receive_status::kL4ChecksumError;
  }
  return status;
}

}  // namespace

std::uint32_t receive_status_of(ConstBytes frame, const wire::FrameLayout& layout,
                                const card::FrameOffload& offload) {
  if (layout.version == 0) return 0;
  std::uint32_t status = layout.version == 4 ? kProtocolIpv4 : kProtocolIpv6;
  if (layout.is_fragment) status |= receive_status::kFragment;
  if (layout.has_l4()) {
    status |= std::uint32_t{layout.is_tcp() ? kProtocolTcp : kProtocolUdp}
              << receive_status::kL4ProtocolShift;
  }
  if (!offload.checksum_needed && !offload.checksum_valid) return status | verify(frame, layout);
  return layout.has_l4() ? status | receive_status::kL4ChecksumChecked : status;
}

}  // namespace enid::devices::ena
