#include "host/unix_message_socket.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/check.h"
#include "host/host_descriptor.h"
#include "host/passed_descriptors.h"

namespace enid::host {
namespace {

using pci::vfio_user::kDescriptorsMax;
using pci::vfio_user::kHeaderBytes;
using pci::vfio_user::kMessageBytesMax;
using pci::vfio_user::Message;
using pci::vfio_user::Reply;

using Passed = PassedDescriptors<kDescriptorsMax>;

std::unexpected<Error> broken(std::string how) {
  return failure(std::make_error_code(std::errc::protocol_error), std::move(how));
}

}  // namespace

UnixMessageSocket::UnixMessageSocket(UniqueFd socket) : socket_(std::move(socket)) {
  const int flags = ::fcntl(socket_.get(), F_GETFL);
  CHECK(flags >= 0 && ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK) == 0);
}

Result<std::size_t> UnixMessageSocket::read_some(Bytes into) {
  iovec piece{into.data(), into.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  Passed passed;
  passed.make_room(header);
  ssize_t length = 0;
  do length = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  while (length < 0 && errno == EINTR);
  if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::size_t{0};
  if (length < 0) return errno_failure("receive a message");
  for (UniqueFd& fd : Passed::take(header))
    message_.descriptors.push_back(std::make_unique<HostDescriptor>(std::move(fd)));
  if (length == 0)
    return failure(std::make_error_code(std::errc::connection_reset), "the other side has gone");
  if ((header.msg_flags & MSG_CTRUNC) != 0 || message_.descriptors.size() > kDescriptorsMax)
    return broken("a message with too many descriptors");
  return static_cast<std::size_t>(length);
}

Result<void> UnixMessageSocket::take_header() {
  message_.header = pci::vfio_user::parse_header(header_bytes_);
  if (message_.header.size < kHeaderBytes || message_.header.size > kMessageBytesMax)
    return broken("a message of " + std::to_string(message_.header.size) + " bytes");
  message_.payload.resize(message_.header.size - kHeaderBytes);
  return {};
}

Result<std::optional<Message>> UnixMessageSocket::receive() {
  while (received_ < kHeaderBytes) {
    const std::size_t length = TRY(read_some(Bytes(header_bytes_).subspan(received_)));
    if (length == 0) return std::nullopt;
    received_ += length;
    if (received_ == kHeaderBytes) TRY(take_header());
  }
  while (received_ < message_.header.size) {
    const std::size_t length = TRY(read_some(Bytes(message_.payload).subspan(received_ - kHeaderBytes)));
    if (length == 0) return std::nullopt;
    received_ += length;
  }
  received_ = 0;
  return std::exchange(message_, {});
}

Result<void> UnixMessageSocket::send(Reply reply) {
  unsent_.push_back(std::move(reply));
  return unsent_.size() == 1 ? flush() : Result<void>();
}

Result<void> UnixMessageSocket::flush() {
  while (!unsent_.empty()) {
    const std::size_t length = TRY(write_some());
    if (length == 0) return {};
    sent_ += length;
    if (sent_ < unsent_.front().bytes.size()) continue;
    unsent_.pop_front();
    sent_ = 0;
  }
  return {};
}

Result<std::size_t> UnixMessageSocket::write_some() {
  const Reply& reply = unsent_.front();
  iovec piece{const_cast<std::uint8_t*>(reply.bytes.data()) + sent_, reply.bytes.size() - sent_};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  Passed passed;
  if (reply.descriptor != nullptr && sent_ == 0) {
    const auto* descriptor = dynamic_cast<const HostDescriptor*>(reply.descriptor.get());
    CHECK(descriptor != nullptr);
    const int fd = descriptor->fd();
    passed.attach({&fd, 1}, header);
  }
  ssize_t length = 0;
  do length = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (length < 0 && errno == EINTR);
  if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::size_t{0};
  if (length < 0) return errno_failure("send a reply");
  return static_cast<std::size_t>(length);
}

}  // namespace enid::host
