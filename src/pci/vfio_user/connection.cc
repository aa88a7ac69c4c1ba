#include "pci/vfio_user/connection.h"

#include "base/check.h"

namespace enid::pci::vfio_user {

Result<void> Connection::on_ready() {
  CHECK(is_open_);
  Result<void> result = take_turn();
  if (!result) close();
  return result;
}

Result<void> Connection::take_turn() {
  TRY(transport_.flush());
  for (int taken = 0; taken < kMessagesPerTurn && !transport_.has_unsent(); ++taken) {
    std::optional<Message> message = TRY(transport_.receive());
    if (!message) break;
    TRY(send(server_.on_message(std::move(*message))));
  }
  return send(server_.on_input_drained());
}

Result<void> Connection::send(std::vector<Reply> replies) {
  for (Reply& reply : replies) TRY(transport_.send(std::move(reply)));
  return {};
}

void Connection::close() {
  if (!is_open_) return;
  is_open_ = false;
  server_.on_disconnect();
}

}  // namespace enid::pci::vfio_user
