// Connection: the server at one end of a transport.
//
// Theory of operation
//   The owner waits (epoll) for the socket to be readable, or writable while wants_to_write(), and calls
//   on_ready(). One turn takes a bounded number of messages, so that a client that never stops sending
//   does not keep the thread from others; a turn ends with all of its replies given out. While replies
//   cannot leave, nothing is read: a client that does not listen keeps nobody's memory.
//
// Invariants
//   (1) When on_ready() has failed, or the connection goes, the server has been told: its device is reset.
#pragma once

#include "pci/vfio_user/server.h"
#include "pci/vfio_user/transport.h"

namespace enid::pci::vfio_user {

class Connection {
 public:
  static constexpr int kMessagesPerTurn = 1024;

  Connection(Transport& transport, Server& server) : transport_(transport), server_(server) {}
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // An error: the connection is over. Code ECONNRESET: because the client left.
  Result<void> on_ready();
  // True: wait until the socket can be written, and for nothing else.
  bool wants_to_write() const { return transport_.has_unsent(); }

 private:
  Result<void> take_turn();
  Result<void> send(std::vector<Reply> replies);
  void close();

  Transport& transport_;
  Server& server_;
  bool is_open_ = true;
};

}  // namespace enid::pci::vfio_user
