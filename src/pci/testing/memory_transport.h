// MemoryTransport: both ends of a connection in one process, for tests. What the client sends waits in a row;
// what the server answers does too, and can be made to stick.
#pragma once

#include <deque>
#include <optional>

#include "pci/refusal.h"
#include "pci/vfio_user/transport.h"

namespace enid::pci::testing {

class MemoryTransport : public vfio_user::Transport {
 public:
  Result<std::optional<vfio_user::Message>> receive() override {
    if (!from_client.empty()) {
      vfio_user::Message message = std::move(from_client.front());
      from_client.pop_front();
      return message;
    }
    if (has_gone) return refused(ECONNRESET, "the other side has gone");
    return std::nullopt;
  }
  Result<void> send(vfio_user::Reply reply) override {
    (is_stuck ? unsent : to_client).push_back(std::move(reply));
    return {};
  }
  Result<void> flush() override {
    if (is_stuck) return {};
    for (auto& reply : unsent) to_client.push_back(std::move(reply));
    unsent.clear();
    return {};
  }
  bool has_unsent() const override { return !unsent.empty(); }

  std::deque<vfio_user::Message> from_client;
  std::deque<vfio_user::Reply> to_client;
  std::deque<vfio_user::Reply> unsent;
  bool is_stuck = false;
  bool has_gone = false;
};

}  // namespace enid::pci::testing
