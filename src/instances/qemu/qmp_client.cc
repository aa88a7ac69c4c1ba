#include "instances/qemu/qmp_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace enid::instances {
namespace {

using nlohmann::json;

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// False when the time is up.
bool wait_for(int socket, short events, std::int64_t deadline_ms) {
  for (;;) {
    const std::int64_t left = std::clamp<std::int64_t>(deadline_ms - now_ms(), 0, 1'000'000);
    pollfd waiting{socket, events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

std::unexpected<Error> too_late() {
  return failure(std::make_error_code(std::errc::timed_out), "QEMU does not answer");
}

std::unexpected<Error> lost() {
  return failure(std::make_error_code(std::errc::connection_reset), "QEMU's control socket is closed");
}

}  // namespace

Result<QmpClient> QmpClient::connect(host::UniqueFd socket, int timeout_ms) {
  const std::int64_t deadline = now_ms() + timeout_ms;
  QmpClient client(std::move(socket));
  const QmpMessage greeting = TRY(client.receive(deadline));
  if (greeting.kind != QmpMessage::Kind::kGreeting)
    return failure(std::make_error_code(std::errc::protocol_error), "QEMU does not greet");
  const std::int64_t id = client.next_id_++;
  TRY(client.send(write_qmp_command("qmp_capabilities", nullptr, id), deadline));
  TRY(client.answer_of(id, deadline));
  return client;
}

Result<json> QmpClient::execute(std::string_view command, const json& arguments, int timeout_ms) {
  const std::int64_t deadline = now_ms() + timeout_ms;
  const std::int64_t id = next_id_++;
  TRY(send(write_qmp_command(command, arguments, id), deadline));
  return answer_of(id, deadline);
}

Result<QmpMessage> QmpClient::wait_for_event(std::string_view name, int timeout_ms) {
  const std::int64_t deadline = now_ms() + timeout_ms;
  const auto found =
      std::find_if(events_.begin(), events_.end(), [&](const QmpMessage& e) { return e.name == name; });
  if (found != events_.end()) {
    QmpMessage event = std::move(*found);
    events_.erase(found);
    return event;
  }
  for (;;) {
    // Nothing was asked, so a late event leaves both sides agreed.
    if (is_lost()) return lost();
    const std::optional<QmpMessage> held = TRY(reader_.next());
    if (!held && !wait_for(socket_.get(), POLLIN, deadline)) return too_late();
    QmpMessage message = held ? *held : TRY(receive(deadline));
    if (message.kind == QmpMessage::Kind::kEvent && message.name == name) return message;
    if (message.kind == QmpMessage::Kind::kEvent) keep(std::move(message));
  }
}

std::deque<QmpMessage> QmpClient::take_events() {
  while (!is_lost()) {
    Result<std::optional<QmpMessage>> held = reader_.next();
    if (!held) {
      socket_.reset();
    } else if (*held) {
      if ((*held)->kind == QmpMessage::Kind::kEvent) keep(std::move(**held));
    } else {
      std::array<char, 4096> bytes;
      const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
      if (count <= 0)
        socket_.reset();
      else
        reader_.on_bytes({bytes.data(), static_cast<std::size_t>(count)});
    }
  }
  return std::exchange(events_, {});
}

Result<void> QmpClient::send(const std::string& bytes, std::int64_t deadline_ms) {
  std::string_view left = bytes;
  while (!left.empty()) {
    if (is_lost()) return lost();
    const ssize_t count = ::send(socket_.get(), left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      left.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      if (wait_for(socket_.get(), POLLOUT, deadline_ms)) continue;
      socket_.reset();  // Half a command may have been sent.
      return too_late();
    } else if (errno != EINTR) {
      socket_.reset();
    }
  }
  return {};
}

Result<QmpMessage> QmpClient::receive(std::int64_t deadline_ms) {
  for (;;) {
    if (is_lost()) return lost();
    Result<std::optional<QmpMessage>> held = reader_.next();
    if (held && *held && now_ms() <= deadline_ms) return **std::move(held);
    if (!held) {
      socket_.reset();
      return std::unexpected(std::move(held).error());
    }
    // A peer that never stops talking has no more time than one that is silent.
    if (*held || !wait_for(socket_.get(), POLLIN, deadline_ms)) {
      socket_.reset();
      return too_late();
    }
    std::array<char, 4096> bytes;
    const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0)
      reader_.on_bytes({bytes.data(), static_cast<std::size_t>(count)});
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
      socket_.reset();
  }
}

Result<json> QmpClient::answer_of(std::int64_t id, std::int64_t deadline_ms) {
  for (;;) {
    QmpMessage message = TRY(receive(deadline_ms));
    if (message.kind == QmpMessage::Kind::kEvent) {
      keep(std::move(message));
      continue;
    }
    if (message.id != id) continue;
    if (message.kind == QmpMessage::Kind::kAnswer) return std::move(message.content);
    if (message.kind == QmpMessage::Kind::kRefusal)
      return failure(std::make_error_code(std::errc::operation_not_permitted), "QEMU: " + message.text);
  }
}

void QmpClient::keep(QmpMessage event) {
  if (events_.size() == kMostQmpEvents) events_.pop_front();
  events_.push_back(std::move(event));
}

}  // namespace enid::instances
