// PacketSocket: whole messages, with descriptors, over a Unix socket (SOCK_SEQPACKET).
//
// Theory of operation
//   What is sent arrives as one, or not at all. A side that is not read for long finds the socket full; who
//   must not wait then takes the connection for lost.
//
// Invariants
//   (1) Descriptors are owned from the moment they are here, and close-on-exec.
//   (2) A packet has 1 … kBytesMax bytes and at most kDescriptorsMax descriptors; a larger one that comes
//   ends the connection.
//
// Sources
//   Documented: unix(7), SOCK_SEQPACKET and SCM_RIGHTS; recvmsg(2), MSG_TRUNC and MSG_CTRUNC.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "host/unique_fd.h"
#include "pci/descriptor.h"

namespace enid::host {

struct Packet {
  std::vector<std::uint8_t> bytes;
  std::vector<std::unique_ptr<pci::Descriptor>> descriptors;  // HostDescriptors.
};

class PacketSocket {
 public:
  static constexpr std::size_t kBytesMax = 64 * 1024;
  static constexpr std::size_t kDescriptorsMax = 16;
  enum class Wait : std::uint8_t { kNo, kYes };

  explicit PacketSocket(UniqueFd socket) : socket_(std::move(socket)) {}
  static Result<PacketSocket> connect(const std::string& path);

  int fd() const { return socket_.get(); }

  // HostDescriptors only. With Wait::kNo a socket that is full is an error.
  Result<void> send(ConstBytes bytes, std::span<const std::shared_ptr<const pci::Descriptor>> descriptors,
                    Wait wait);
  // Empty: nothing has come. connection_reset: the other side has gone.
  Result<std::optional<Packet>> receive(Wait wait);
  // Ends a wait of another thread: both sides find the other gone.
  void shut_down();

 private:
  UniqueFd socket_;
};

}  // namespace enid::host
