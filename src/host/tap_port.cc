#include "host/tap_port.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "host/virtio_net_header.h"

namespace enid::host {
namespace {

// Since Linux 6.2; Debian 12's headers are older. UDP segmentation, for IPv4 and IPv6.
constexpr unsigned kTunUdpSegmentation = 0x20 | 0x40;

constexpr std::size_t kEthernetBytes = 14;
// The kernel's limit of a super-frame (65,536) with a VLAN tag, and one byte that tells a cut frame.
constexpr std::size_t kFrameBytesMax = 65'536 + kEthernetBytes + 4;
constexpr std::size_t kReadBytes = kVirtioNetHeaderBytes + kFrameBytesMax + 1;
// Lets the IP header lie on a multiple of four, and frames begin on cache lines of their own.
constexpr std::size_t kSlotAlignment = 64;
constexpr std::size_t kHeaderAt = 6;

static_assert((kHeaderAt + kVirtioNetHeaderBytes + kEthernetBytes) % 4 == 0);
static_assert(kHeaderAt + kReadBytes <= TapPort::kArenaBytes / 4);

}  // namespace

Result<std::unique_ptr<TapPort>> TapPort::create(UniqueFd tap) {
  const int fd = tap.get();
  ifreq request{};
  if (::ioctl(fd, TUNGETIFF, &request) < 0) return errno_failure("ask a TAP device's flags");
  const auto flags = static_cast<unsigned>(static_cast<unsigned short>(request.ifr_flags));
  if ((flags & IFF_TAP) == 0 || (flags & IFF_VNET_HDR) == 0 || (flags & IFF_NO_PI) == 0) {
    return failure(std::make_error_code(std::errc::invalid_argument),
                   "a port needs a TAP device with IFF_VNET_HDR and IFF_NO_PI");
  }
  const int header_bytes = kVirtioNetHeaderBytes;
  if (::ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) < 0) return errno_failure("set a TAP device's header size");
  const int little_endian = 1;
  if (::ioctl(fd, TUNSETVNETLE, &little_endian) < 0) return errno_failure("set a TAP device's byte order");
  const unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (::ioctl(fd, TUNSETOFFLOAD, offloads | kTunUdpSegmentation) < 0 &&
      ::ioctl(fd, TUNSETOFFLOAD, offloads) < 0) {
    return errno_failure("set a TAP device's offloads");
  }
  const int file_flags = ::fcntl(fd, F_GETFL);
  if (file_flags < 0 || ::fcntl(fd, F_SETFL, file_flags | O_NONBLOCK) < 0) {
    return errno_failure("make a TAP device non-blocking");
  }
  return std::unique_ptr<TapPort>(new TapPort(std::move(tap)));
}

// Not value-initialized: pages that no frame reaches are never touched.
TapPort::TapPort(UniqueFd tap) : tap_(std::move(tap)), arena_(new std::uint8_t[kArenaBytes]) {}

std::size_t TapPort::receive(std::span<card::Frame> frames) {
  std::size_t count = 0;
  std::size_t used = 0;
  // Dropped frames count against the batch, so that they cannot hold the caller here.
  for (std::size_t reads = 0; reads < frames.size() && used + kHeaderAt + kReadBytes <= kArenaBytes;
       ++reads) {
    std::uint8_t* const header = arena_.get() + used + kHeaderAt;
    const ssize_t got = ::read(tap_.get(), header, kReadBytes);
    if (got < 0) {
      if (errno != EAGAIN && errno != EINTR) is_broken_ = true;
      break;
    }
    const auto bytes = static_cast<std::size_t>(got);
    if (bytes < kVirtioNetHeaderBytes + kEthernetBytes || bytes == kReadBytes) {
      ++counters_.malformed;
      continue;
    }
    const std::size_t frame_bytes = bytes - kVirtioNetHeaderBytes;
    const auto offload = parse_virtio_net_header({header, kVirtioNetHeaderBytes}, frame_bytes);
    if (!offload) {
      ++counters_.malformed;
      continue;
    }
    frames[count++] = {{header + kVirtioNetHeaderBytes, frame_bytes}, *offload};
    used += (kHeaderAt + bytes + kSlotAlignment - 1) / kSlotAlignment * kSlotAlignment;
  }
  return count;
}

std::size_t TapPort::transmit(std::span<const card::Frame> frames) {
  std::array<std::uint8_t, kVirtioNetHeaderBytes> header;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    write_virtio_net_header(frames[i].offload, header);
    const std::array<iovec, 2> parts{
        {{header.data(), header.size()}, {frames[i].bytes.data(), frames[i].bytes.size()}}};
    if (::writev(tap_.get(), parts.data(), parts.size()) >= 0) continue;
    switch (errno) {
      case EINVAL:
      case EMSGSIZE:
        ++counters_.refused;  // This frame only; the others shall not suffer for it.
        continue;
      case EAGAIN:
      case EINTR:
      case ENOBUFS:
      case ENOMEM:
      case EIO:  // The instance has set the device down.
        return i;
      default:
        is_broken_ = true;
        return i;
    }
  }
  return frames.size();
}

Result<UniqueFd> open_tap(const std::string& name) {
  UniqueFd tap(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tap.is_open()) return errno_failure("open /dev/net/tun");
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) {
    return failure(std::make_error_code(std::errc::filename_too_long), "device name " + name);
  }
  std::memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(tap.get(), TUNSETIFF, &request) < 0) return errno_failure("make TAP device " + name);
  return tap;
}

}  // namespace enid::host
