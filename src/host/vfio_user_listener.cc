#include "host/vfio_user_listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "host/unix_address.h"

namespace enid::host {
namespace {

Result<UniqueFd> listen_at(const std::string& path) {
  const sockaddr_un address = TRY(unix_address(path));
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
                                   DeviceHooks hooks, Trust trust)
    : path_(std::move(path)),
      listener_(std::move(listener)),
      hooks_(std::move(hooks)),
      descriptors_(trust),
      server_(device, descriptors_) {}

VfioUserListener::~VfioUserListener() { ::unlink(path_.c_str()); }

Result<std::shared_ptr<VfioUserListener>> VfioUserListener::create(const std::string& path,
                                                                   pci::PciDevice& device, DeviceHooks hooks,
                                                                   Trust trust) {
  UniqueFd listener = TRY(listen_at(path));
  return std::shared_ptr<VfioUserListener>(
      new VfioUserListener(path, std::move(listener), device, std::move(hooks), trust));
}

void VfioUserListener::accept() {
  UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.is_open()) return;
  client_ = std::make_unique<Client>(std::move(socket), server_);
  hooks_.on_client(true);
}

void VfioUserListener::on_ready(Instant) {
  if (!client_) return accept();
  const Result<void> going_on = client_->connection.on_ready();
  if (const std::string complaint = server_.take_complaint(); !complaint.empty()) hooks_.complain(complaint);
  if (going_on) return;
  if (going_on.error().code != std::errc::connection_reset) hooks_.complain(going_on.error().message);
  client_.reset();
  hooks_.on_client(false);
}

}  // namespace enid::host
