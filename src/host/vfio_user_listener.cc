#include "host/vfio_user_listener.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace enid::host {
namespace {

// Chosen: a peer that asks without reading our answers is let go of its turn after so many messages.
constexpr int kMessagesAtOnce = 256;
// A client that does not read waits for itself only: looked at again so soon.
constexpr Duration kFlushPeriod = Duration::from_milliseconds(1);

Result<UniqueFd> listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return failure(std::make_error_code(std::errc::filename_too_long),
                   "a socket's path has at most 107 characters: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.is_open()) return errno_failure("make a socket");
  ::unlink(path.c_str());
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return errno_failure("bind " + path);
  if (::listen(listener.get(), 1) < 0) return errno_failure("listen at " + path);
  return listener;
}

}  // namespace

VfioUserListener::VfioUserListener(std::string path, UniqueFd listener, pci::PciDevice& device,
                                   DeviceHooks hooks)
    : path_(std::move(path)),
      listener_(std::move(listener)),
      hooks_(std::move(hooks)),
      server_(device, descriptors_) {}

VfioUserListener::~VfioUserListener() {
  if (client_) server_.on_disconnect();
  ::unlink(path_.c_str());
}

Result<std::shared_ptr<VfioUserListener>> VfioUserListener::create(const std::string& path,
                                                                   pci::PciDevice& device,
                                                                   DeviceHooks hooks) {
  UniqueFd listener = TRY(listen_at(path));
  return std::shared_ptr<VfioUserListener>(
      new VfioUserListener(path, std::move(listener), device, std::move(hooks)));
}

void VfioUserListener::accept() {
  UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.is_open()) client_ = std::make_unique<UnixMessageSocket>(std::move(socket));
}

void VfioUserListener::on_readable(Instant now) {
  if (!client_) return accept();
  const Result<void> going_on = converse();
  if (const std::string complaint = server_.take_complaint(); !complaint.empty()) hooks_.complain(complaint);
  next_flush_ = now + kFlushPeriod;
  if (going_on) return;
  if (going_on.error().code != std::errc::connection_reset) hooks_.complain(going_on.error().message);
  hang_up();
}

Result<void> VfioUserListener::converse() {
  TRY(client_->flush());
  for (int i = 0; i < kMessagesAtOnce && !client_->has_unsent(); ++i) {
    std::optional<pci::vfio_user::Message> message = TRY(client_->receive());
    if (!message) return send(server_.on_input_drained());
    TRY(send(server_.on_message(std::move(*message))));
  }
  return {};
}

Result<void> VfioUserListener::send(std::vector<pci::vfio_user::Reply> replies) {
  for (pci::vfio_user::Reply& reply : replies) TRY(client_->send(std::move(reply)));
  return {};
}

void VfioUserListener::hang_up() {
  server_.on_disconnect();
  client_.reset();
}

Instant VfioUserListener::next_timeout() const {
  const Instant due = hooks_.next_timeout();
  return client_ && client_->has_unsent() ? std::min(due, next_flush_) : due;
}

void VfioUserListener::on_timeout(Instant now) {
  if (client_ && client_->has_unsent() && !client_->flush()) hang_up();
  next_flush_ = now + kFlushPeriod;
  if (hooks_.next_timeout() <= now) hooks_.on_timeout(now);
}

}  // namespace enid::host
