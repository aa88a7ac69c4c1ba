// Transport: one connection that carries whole vfio-user messages, with descriptors.
//
// Theory of operation
//   host/unix_message_socket is the real one, over a Unix stream socket; tests have one in memory
//   (pci/testing/memory_transport.h). Nothing waits: what is not there yet, or does not fit now, is for
//   the next time the owner finds the connection ready.
#pragma once

#include <optional>

#include "base/result.h"
#include "pci/vfio_user/messages.h"

namespace enid::pci::vfio_user {

class Transport {
 public:
  virtual ~Transport() = default;

  // Empty optional: no whole message is here yet. An error ends the connection: the peer has gone
  // (ECONNRESET, not worth a word), or broke the framing. header.size is what came: at most
  // kMessageBytesMax, with at most kDescriptorsMax descriptors.
  virtual Result<std::optional<Message>> receive() = 0;
  // Keeps what cannot go now.
  virtual Result<void> send(Reply reply) = 0;
  virtual Result<void> flush() = 0;
  virtual bool has_unsent() const = 0;
};

}  // namespace enid::pci::vfio_user
