// QmpClient: QEMU's control socket, seen from the daemon.
//
// Theory of operation
//   connect() waits for the greeting and switches commands on. execute() sends one command and
//   waits for its answer, for a bounded time; events that arrive in between are kept for
//   take_events(). One thread at a time.
//
// Invariants
//   (1) Nothing waits longer than it is told to.
//   (2) At most kMostQmpEvents events are kept; the oldest go first.
//   (3) After a lost connection or a late answer every call fails: what comes next could be the
//       answer to something else. Make a new client then.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "host/unique_fd.h"
#include "instances/qemu/qmp_message.h"

namespace enid::instances {

inline constexpr std::size_t kMostQmpEvents = 256;

class QmpClient {
 public:
  // `socket` is a connected stream.
  static Result<QmpClient> connect(host::UniqueFd socket, int timeout_ms);

  // What the command returns, or QEMU's words when it refuses (operation_not_permitted).
  Result<nlohmann::json> execute(std::string_view command, const nlohmann::json& arguments = nullptr,
                                 int timeout_ms = 5000);

  // The next event of this name, one that has already come included; others are kept.
  Result<QmpMessage> wait_for_event(std::string_view name, int timeout_ms);
  std::deque<QmpMessage> take_events();

  // For poll(): readable when events may have come. Then call take_events().
  int descriptor() const { return socket_.get(); }
  bool is_lost() const { return !socket_.is_open(); }

 private:
  explicit QmpClient(host::UniqueFd socket) : socket_(std::move(socket)) {}

  Result<void> send(const std::string& bytes, std::int64_t deadline_ms);
  // The next message, or an error when the time is up or the connection lost.
  Result<QmpMessage> receive(std::int64_t deadline_ms);
  Result<nlohmann::json> answer_of(std::int64_t id, std::int64_t deadline_ms);
  void keep(QmpMessage event);

  host::UniqueFd socket_;
  QmpReader reader_;
  std::deque<QmpMessage> events_;
  std::int64_t next_id_ = 1;
};

}  // namespace enid::instances
