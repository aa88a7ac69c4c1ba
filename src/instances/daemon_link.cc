#include "instances/daemon_link.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "host/clock.h"

namespace enid::instances {

namespace ena = devices::ena;
using host::PacketSocket;

namespace {

constexpr Duration kFirstPause = Duration::from_milliseconds(50);
constexpr Duration kLongestPause = Duration::from_seconds(1);

}  // namespace

Result<void> DaemonLink::connect() {
  PacketSocket socket = TRY(PacketSocket::connect(path_));
  TRY(socket.send(ena::encode(hello_), {}, PacketSocket::Wait::kNo));
  const std::lock_guard lock(mutex_);
  if (is_shut_down_) return failure(std::make_error_code(std::errc::operation_canceled), "shut down");
  socket_ = std::move(socket);
  return {};
}

Result<ena::Welcome> DaemonLink::join() {
  TRY(connect());
  const std::optional<ena::DataPathMessage> answer = TRY(receive(PacketSocket::Wait::kYes));
  if (const auto* welcome = std::get_if<ena::Welcome>(&*answer)) {
    is_welcome_ = true;
    return *welcome;
  }
  const auto* refusal = std::get_if<ena::Refusal>(&*answer);
  return failure(std::make_error_code(std::errc::permission_denied),
                 refusal != nullptr ? refusal->reason : "the daemon says what makes no sense");
}

void DaemonLink::shut_down() {
  const std::lock_guard lock(mutex_);
  is_shut_down_ = true;
  if (socket_) socket_->shut_down();
}

Result<std::optional<ena::DataPathMessage>> DaemonLink::receive(PacketSocket::Wait wait) {
  std::optional<host::Packet> packet = TRY(socket_->receive(wait));
  if (!packet) return std::nullopt;
  std::optional<ena::DataPathMessage> message = ena::decode(packet->bytes);
  if (!message)
    return failure(std::make_error_code(std::errc::protocol_error), "the daemon says what makes no sense");
  return message;
}

std::optional<ena::DataPathMessage> DaemonLink::exchange(const ena::DataPathMessage& message,
                                                         ena::PassedDescriptors descriptors) {
  if (!socket_ || !is_welcome_) return std::nullopt;
  if (Result<void> sent = socket_->send(ena::encode(message), descriptors, PacketSocket::Wait::kYes); !sent) {
    lose(sent.error().message);
    return std::nullopt;
  }
  for (;;) {
    Result<std::optional<ena::DataPathMessage>> answer = receive(PacketSocket::Wait::kYes);
    if (!answer) {
      lose(answer.error().message);
      return std::nullopt;
    }
    if (const auto* link = std::get_if<ena::Link>(&**answer)) {
      link_ = link->is_up;
      continue;
    }
    if (const auto* refusal = std::get_if<ena::Refusal>(&**answer)) {
      be_refused(*refusal);
      return std::nullopt;
    }
    pause_ = {};
    return std::move(*answer);
  }
}

void DaemonLink::on_ready(Instant) {
  while (socket_) {
    Result<std::optional<ena::DataPathMessage>> message = receive(PacketSocket::Wait::kNo);
    if (!message) return lose(message.error().message);
    if (!*message) return;
    obey(**message);
  }
}

void DaemonLink::obey(const ena::DataPathMessage& message) {
  if (const auto* link = std::get_if<ena::Link>(&message); link != nullptr && is_welcome_) {
    hooks_.on_link(link->is_up);
  } else if (const auto* welcome = std::get_if<ena::Welcome>(&message); welcome != nullptr && !is_welcome_) {
    is_welcome_ = true;
    last_refusal_.clear();
    hooks_.on_welcome(*welcome);
  } else if (const auto* refusal = std::get_if<ena::Refusal>(&message)) {
    be_refused(*refusal);
  } else {
    lose("the daemon says what makes no sense");
  }
}

// It does not want us, or not now: somebody else has the interface, or it is no more.
void DaemonLink::be_refused(const ena::Refusal& refusal) {
  if (refusal.reason != last_refusal_) spdlog::warn("the daemon refuses the device: {}", refusal.reason);
  last_refusal_ = refusal.reason;
  is_welcome_ = false;
  lose(refusal.reason);
  link_ = false;
}

void DaemonLink::lose(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    socket_.reset();
  }
  link_.reset();
  retry_later();
  if (!std::exchange(is_welcome_, false) || is_shut_down_) return;
  spdlog::info("the daemon has gone ({}); the guest keeps its card, and frames wait for the next daemon",
               why);
}

void DaemonLink::retry_later() {
  next_try_ = host::monotonic_now() + (pause_ == Duration{} ? kFirstPause : pause_);
  pause_ = std::min(kLongestPause, pause_ == Duration{} ? kFirstPause : pause_ + pause_);
}

Instant DaemonLink::next_timeout() const {
  if (link_) return Instant{};
  return socket_ || is_shut_down_ ? Instant::never() : next_try_;
}

void DaemonLink::on_timeout(Instant) {
  if (link_) return hooks_.on_link(*std::exchange(link_, std::nullopt));
  if (!connect()) retry_later();
}

}  // namespace enid::instances
