#include "devices/ena/receive_steerer.h"

#include <array>
#include <cstring>

#include "wire/ipv4.h"
#include "wire/ipv6.h"

namespace enid::devices::ena {
namespace {

// ena_admin_flow_hash_proto.
enum Kind : std::size_t { kTcp4, kUdp4, kTcp6, kUdp6, kIp4, kIp6, kIp4Fragment, kNotIp };

// ena_admin_flow_hash_fields.
constexpr unsigned kMacDestination = 1, kMacSource = 2, kIpDestination = 4, kIpSource = 8,
                   kPortDestination = 16, kPortSource = 32;

Kind kind_of(const wire::FrameLayout& layout) {
  if (layout.version == 0) return kNotIp;
  if (layout.version == 4) {
    if (layout.is_fragment) return kIp4Fragment;
    if (!layout.has_l4()) return kIp4;
    return layout.is_tcp() ? kTcp4 : kUdp4;
  }
  if (!layout.has_l4()) return kIp6;
  return layout.is_tcp() ? kTcp6 : kUdp6;
}

class Input {
 public:
  void add(const std::uint8_t* from, std::size_t bytes) {
    std::memcpy(bytes_.data() + size_, from, bytes);
    size_ += bytes;
  }
  ConstBytes bytes() const { return ConstBytes(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, Toeplitz::kInputBytesMax> bytes_;
  std::size_t size_ = 0;
};

}  // namespace

std::uint32_t ReceiveSteerer::hash(ConstBytes frame, const wire::FrameLayout& layout) const {
  const unsigned fields = steering_.fields[kind_of(layout)];
  const std::uint8_t* const bytes = frame.data();
  Input input;
  if (layout.version == 0) {
    if ((fields & kMacSource) != 0) input.add(bytes + 6, 6);
    if ((fields & kMacDestination) != 0) input.add(bytes, 6);
    return toeplitz_.hash(input.bytes());
  }
  const bool is_ipv4 = layout.version == 4;
  const std::size_t address_bytes = is_ipv4 ? 4 : 16;
  const std::uint8_t* const source =
      bytes + layout.ip_offset + (is_ipv4 ? wire::Ipv4Header::kSourceAt : wire::Ipv6Header::kSourceAt);
  if ((fields & kIpSource) != 0) input.add(source, address_bytes);
  if ((fields & kIpDestination) != 0) input.add(source + address_bytes, address_bytes);
  if (layout.has_l4()) {
    if ((fields & kPortSource) != 0) input.add(bytes + layout.l4_offset, 2);
    if ((fields & kPortDestination) != 0) input.add(bytes + layout.l4_offset + 2, 2);
  }
  return toeplitz_.hash(input.bytes());
}

}  // namespace enid::devices::ena
