// UnixMessageSocket: vfio-user's framing over a Unix stream socket, with descriptors.
//
// Theory of operation
//   A message is a header of 16 bytes, whose third word says how long it all is, then its payload.
//   Descriptors come with the header's first byte. Never waits: what has come of a message is kept until the
//   rest comes, and what the peer does not take of a reply until it does.
//
// Invariants
//   (1) Descriptors are owned from the moment they are here, close-on-exec, and never of two messages at
//   once. (2) A length below 16 or above pci::vfio_user::kMessageBytesMax, or more than kDescriptorsMax
//   descriptors, ends the connection: there is no next message to be found.
//
// Sources
//   Documented: unix(7), SCM_RIGHTS; recvmsg(2), MSG_CMSG_CLOEXEC, MSG_CTRUNC. Observed: QEMU sends header
//   and payload at once, the descriptors with them.
#pragma once

#include <array>
#include <deque>
#include <optional>

#include "host/unique_fd.h"
#include "pci/vfio_user/transport.h"

namespace enid::host {

class UnixMessageSocket : public pci::vfio_user::Transport {
 public:
  // `socket` is connected; it is made not to wait.
  explicit UnixMessageSocket(UniqueFd socket);

  // To be watched: for reading, or for writing while has_unsent().
  int fd() const { return socket_.get(); }

  Result<std::optional<pci::vfio_user::Message>> receive() override;
  Result<void> send(pci::vfio_user::Reply reply) override;
  Result<void> flush() override;
  bool has_unsent() const override { return !unsent_.empty(); }

 private:
  // How many bytes came into `into`, 0 when none is there now.
  Result<std::size_t> read_some(Bytes into);
  Result<void> take_header();
  // How many bytes of the first reply went, 0 when none can now.
  Result<std::size_t> write_some();

  UniqueFd socket_;
  std::array<std::uint8_t, pci::vfio_user::kHeaderBytes> header_bytes_{};
  std::size_t received_ = 0;         // Of the message that comes, header included.
  pci::vfio_user::Message message_;  // The one that comes.
  std::deque<pci::vfio_user::Reply> unsent_;
  std::size_t sent_ = 0;  // Of the first of them.
};

}  // namespace enid::host
