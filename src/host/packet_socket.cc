#include "host/packet_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "host/host_descriptor.h"
#include "host/passed_descriptors.h"
#include "host/unix_address.h"

namespace enid::host {
namespace {

using Passed = PassedDescriptors<PacketSocket::kDescriptorsMax>;

Result<void> wait_for(int fd, short events) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  int ready = 0;
  do ready = ::poll(&waiting, 1, -1);
  while (ready < 0 && errno == EINTR);
  if (ready < 0) return errno_failure("wait for a packet");
  return {};
}

bool would_wait(ssize_t result) { return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK); }

}  // namespace

Result<PacketSocket> PacketSocket::connect(const std::string& path) {
  const sockaddr_un address = TRY(unix_address(path));
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return errno_failure("make a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_failure("connect to " + path);
  return PacketSocket(std::move(socket));
}

Result<void> PacketSocket::send(ConstBytes bytes,
                                std::span<const std::shared_ptr<const pci::Descriptor>> descriptors,
                                Wait wait) {
  CHECK(!bytes.empty() && bytes.size() <= kBytesMax && descriptors.size() <= kDescriptorsMax);
  std::vector<int> fds;
  for (const auto& descriptor : descriptors) {
    const auto* host = dynamic_cast<const HostDescriptor*>(descriptor.get());
    CHECK(host != nullptr);
    fds.push_back(host->fd());
  }
  iovec piece{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  Passed passed;
  passed.attach(fds, header);
  for (;;) {
    const ssize_t sent = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return {};
    if (errno == EINTR) continue;
    if (!would_wait(sent) || wait == Wait::kNo) return errno_failure("send a packet");
    TRY(wait_for(socket_.get(), POLLOUT));
  }
}

Result<std::optional<Packet>> PacketSocket::receive(Wait wait) {
  Packet packet;
  packet.bytes.resize(kBytesMax);
  iovec piece{packet.bytes.data(), packet.bytes.size()};
  msghdr header{};
  Passed passed;
  ssize_t length = 0;
  for (;;) {
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    passed.make_room(header);
    length = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (length >= 0) break;
    if (errno == EINTR) continue;
    if (!would_wait(length)) return errno_failure("receive a packet");
    if (wait == Wait::kNo) return std::nullopt;
    TRY(wait_for(socket_.get(), POLLIN));
  }
  for (UniqueFd& fd : Passed::take(header))
    packet.descriptors.push_back(std::make_unique<HostDescriptor>(std::move(fd)));
  if (length == 0)
    return failure(std::make_error_code(std::errc::connection_reset), "the other side has gone");
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return failure(std::make_error_code(std::errc::message_size), "a packet that is too large");
  packet.bytes.resize(static_cast<std::size_t>(length));
  return packet;
}

void PacketSocket::shut_down() { ::shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace enid::host
