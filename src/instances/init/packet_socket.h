// PacketSocket: IPv4 packets of one interface that has no address yet; only those for the DHCP
// client's port are heard.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "host/unique_fd.h"

namespace enid::instances {

class PacketSocket {
 public:
  static Result<PacketSocket> open(unsigned link);

  int get() const { return socket_.get(); }
  // To everybody on the link.
  void broadcast(ConstBytes packet) const;
  // The next packet that waits, in `room`; empty when none does.
  ConstBytes receive(Bytes room) const;

 private:
  PacketSocket(host::UniqueFd socket, unsigned link) : socket_(std::move(socket)), link_(link) {}
  host::UniqueFd socket_;
  unsigned link_;
};

}  // namespace enid::instances
