#include "host/udp_underlay.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace enid::host {
namespace {

constexpr std::size_t kSegmentsMax = 64;  // Linux's UDP_MAX_SEGMENTS until 6.8.
constexpr std::size_t kSuperDatagramBytesMax = 65'507;
// Of so many looks for datagrams one begins with the channel that had none lately.
constexpr std::uint32_t kTurnEvery = 4;
constexpr int kSocketBufferBytes = 4 << 20;
constexpr int kEcnCapable = 0x02;  // ECT(0); RFC 3168 section 5.
constexpr int kCongestionExperienced = 0x03;

sockaddr_in socket_address(Ipv4Address address, std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  made.sin_addr.s_addr = htonl(address.value);
  return made;
}

Result<UniqueFd> open_socket(Ipv4Address address, std::uint16_t port) {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return errno_failure("make a UDP socket");
  const sockaddr_in local = socket_address(address, port);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
    return errno_failure("listen on " + address.text() + ":" + std::to_string(port) + " (UDP)");
  const int never_fragment = IP_PMTUDISC_DO;
  ::setsockopt(socket.get(), IPPROTO_IP, IP_MTU_DISCOVER, &never_fragment, sizeof never_fragment);
  return socket;
}

// Root may have more than net.core.?mem_max.
void enlarge(int socket, int forced, int usual) {
  if (::setsockopt(socket, SOL_SOCKET, forced, &kSocketBufferBytes, sizeof kSocketBufferBytes) != 0)
    ::setsockopt(socket, SOL_SOCKET, usual, &kSocketBufferBytes, sizeof kSocketBufferBytes);
}

template <class Value>
void add_control(msghdr& message, int level, int type, Value value) {
  auto* control =
      reinterpret_cast<cmsghdr*>(static_cast<char*>(message.msg_control) + message.msg_controllen);
  control->cmsg_level = level;
  control->cmsg_type = type;
  control->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(control), &value, sizeof value);
  message.msg_controllen += CMSG_SPACE(sizeof value);
}

std::size_t bytes_of(const fabric::OutgoingDatagram& datagram) {
  return datagram.header.size() + datagram.payload.size();
}

// How many datagrams from the front can leave as one: the same way, equally long but for the last.
std::size_t run_length(std::span<const fabric::OutgoingDatagram> datagrams) {
  const fabric::OutgoingDatagram& first = datagrams.front();
  const std::size_t each = bytes_of(first);
  std::size_t total = each;
  std::size_t length = 1;
  while (length < std::min(datagrams.size(), kSegmentsMax)) {
    const fabric::OutgoingDatagram& next = datagrams[length];
    const std::size_t bytes = bytes_of(next);
    if (next.to != first.to || next.channel != first.channel || next.path != first.path ||
        next.is_ecn_capable != first.is_ecn_capable || bytes > each || bytes == 0 ||
        total + bytes > kSuperDatagramBytesMax)
      break;
    total += bytes;
    ++length;
    if (bytes < each) break;
  }
  return length;
}

}  // namespace

UdpUnderlay::UdpUnderlay(const UdpUnderlayOptions& options)
    : options_(options), arena_(std::make_unique_for_overwrite<Arena>()) {
  arrived_.reserve(kReceiveMessages * kSegmentsMax);
}

Result<std::unique_ptr<UdpUnderlay>> UdpUnderlay::create(const UdpUnderlayOptions& options) {
  std::unique_ptr<UdpUnderlay> made(new UdpUnderlay(options));
  for (const fabric::Channel channel : {fabric::Channel::kGeneve, fabric::Channel::kSrd}) {
    UniqueFd socket = TRY(open_socket(options.address, made->port_of(channel)));
    const int on = 1;
    if (::setsockopt(socket.get(), SOL_UDP, UDP_GRO, &on, sizeof on) != 0)
      return errno_failure("ask for UDP GRO");
    if (::setsockopt(socket.get(), IPPROTO_IP, IP_RECVTOS, &on, sizeof on) != 0)
      return errno_failure("ask for datagrams' ECN bits");
    enlarge(socket.get(), SO_RCVBUFFORCE, SO_RCVBUF);
    made->listeners_[static_cast<std::size_t>(channel)] = std::move(socket);
  }
  for (std::size_t path = 0; path < fabric::kPaths; ++path) {
    made->paths_.push_back(TRY(open_socket(options.address, 0)));
    enlarge(made->paths_.back().get(), SO_SNDBUFFORCE, SO_SNDBUF);
  }
  return made;
}

std::uint16_t UdpUnderlay::port_of(fabric::Channel channel) const {
  return channel == fabric::Channel::kGeneve ? options_.geneve_port : options_.srd_port;
}

std::size_t UdpUnderlay::send(std::span<const fabric::OutgoingDatagram> datagrams) {
  std::size_t taken = 0;
  while (taken < datagrams.size()) {
    const auto run = datagrams.subspan(taken, run_length(datagrams.subspan(taken)));
    if (send_run(run, bytes_of(run.front())) == Sent::kNoRoom) break;
    taken += run.size();
  }
  return taken;
}

UdpUnderlay::Sent UdpUnderlay::send_run(std::span<const fabric::OutgoingDatagram> run,
                                        std::size_t datagram_bytes) {
  const fabric::OutgoingDatagram& first = run.front();
  CHECK(first.path < fabric::kPaths);
  std::array<iovec, 2 * kSegmentsMax> pieces;
  std::size_t count = 0;
  const auto add = [&](ConstBytes bytes) {
    if (!bytes.empty()) pieces[count++] = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  };
  for (const fabric::OutgoingDatagram& datagram : run) {
    add(datagram.header);
    add(datagram.payload);
  }
  sockaddr_in to = socket_address(first.to, port_of(first.channel));
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t)) + CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  message.msg_iov = pieces.data();
  message.msg_iovlen = count;
  message.msg_control = control.data();
  if (run.size() > 1) add_control(message, SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(datagram_bytes));
  if (first.is_ecn_capable) add_control(message, IPPROTO_IP, IP_TOS, kEcnCapable);
  if (message.msg_controllen == 0) message.msg_control = nullptr;
  ++counters_.send_calls;
  // An ICMP error for an earlier datagram is told by the next call, which then sent nothing: hence once more.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (::sendmsg(paths_[first.path].get(), &message, MSG_NOSIGNAL) >= 0) {
      counters_.sent += run.size();
      return Sent::kDone;
    }
    if (errno == EAGAIN || errno == ENOBUFS) return Sent::kNoRoom;
    // EINVAL: segments of a super-datagram that are longer than the MTU.
    if (errno == EMSGSIZE || (errno == EINVAL && run.size() > 1)) {
      counters_.too_long += run.size();
      return Sent::kDone;
    }
  }
  counters_.unreachable += run.size();
  return Sent::kDone;
}

std::size_t UdpUnderlay::receive(std::span<fabric::ArrivedDatagram> datagrams) {
  if (answered_ == arrived_.size()) {
    arrived_.clear();
    answered_ = 0;
    // The busier channel first, but in turns now and then, so that neither starves the other.
    const auto other = [](fabric::Channel channel) {
      return channel == fabric::Channel::kSrd ? fabric::Channel::kGeneve : fabric::Channel::kSrd;
    };
    const fabric::Channel first = ++receives_ % kTurnEvery == 0 ? other(busy_) : busy_;
    take_from(first);
    if (arrived_.empty()) take_from(other(first));
    if (!arrived_.empty()) busy_ = arrived_.back().channel;
  }
  const std::size_t count = std::min(datagrams.size(), arrived_.size() - answered_);
  std::copy_n(arrived_.begin() + static_cast<std::ptrdiff_t>(answered_), count, datagrams.begin());
  answered_ += count;
  return count;
}

void UdpUnderlay::take_from(fabric::Channel channel) {
  struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(int))> bytes;
  };
  std::array<mmsghdr, kReceiveMessages> messages{};
  std::array<iovec, kReceiveMessages> buffers;
  std::array<sockaddr_in, kReceiveMessages> senders;
  std::array<Control, kReceiveMessages> controls;
  for (std::size_t i = 0; i < kReceiveMessages; ++i) {
    buffers[i] = {arena_->bytes.data() + i * kMessageBytes, kMessageBytes};
    msghdr& header = messages[i].msg_hdr;
    header.msg_name = &senders[i];
    header.msg_namelen = sizeof senders[i];
    header.msg_iov = &buffers[i];
    header.msg_iovlen = 1;
    header.msg_control = controls[i].bytes.data();
    header.msg_controllen = controls[i].bytes.size();
  }
  ++counters_.receive_calls;
  const int count = ::recvmmsg(listeners_[static_cast<std::size_t>(channel)].get(), messages.data(),
                               messages.size(), MSG_DONTWAIT, nullptr);
  for (int i = 0; i < count; ++i) {
    msghdr& header = messages[i].msg_hdr;
    const std::size_t bytes = messages[i].msg_len;
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      ++counters_.truncated;
      continue;
    }
    std::size_t each = bytes;
    fabric::ArrivedDatagram datagram{.from = {ntohl(senders[i].sin_addr.s_addr)}, .channel = channel};
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
         control = CMSG_NXTHDR(&header, control)) {
      int value = 0;
      if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
        std::memcpy(&value, CMSG_DATA(control), sizeof value);
        if (value > 0) each = static_cast<std::size_t>(value);
      } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_TOS) {
        value = *CMSG_DATA(control);
        datagram.is_congestion_experienced = (value & kCongestionExperienced) == kCongestionExperienced;
      }
    }
    std::uint8_t* data = arena_->bytes.data() + static_cast<std::size_t>(i) * kMessageBytes;
    for (std::size_t at = 0; at < bytes; at += each) {
      datagram.bytes = Bytes(data + at, std::min(each, bytes - at));
      arrived_.push_back(datagram);
      ++counters_.received;
    }
  }
}

Result<std::uint32_t> UdpUnderlay::mtu_to(Ipv4Address host) {
  const UniqueFd socket = TRY(open_socket(options_.address, 0));
  const sockaddr_in to = socket_address(host, options_.geneve_port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return errno_failure("find a way to " + host.text());
  int mtu = 0;
  socklen_t bytes = sizeof mtu;
  if (::getsockopt(socket.get(), IPPROTO_IP, IP_MTU, &mtu, &bytes) != 0)
    return errno_failure("ask the MTU to " + host.text());
  return static_cast<std::uint32_t>(mtu);
}

}  // namespace enid::host
