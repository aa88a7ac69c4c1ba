// VfioUserListener: a PCI device on a Unix socket, for one client (a QEMU) after the other.
//
// Theory of operation
//   Listens while nobody is connected; a client that comes is talked to until it goes, then the device is
//   reset and awaits the next. The socket's file lives as long as the listener.
//
// Invariants
//   (1) One client at a time; another waits in the socket's queue until the first has gone.
//   (2) A client that breaks the protocol loses its connection, and nobody else anything.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "host/device_thread.h"
#include "host/host_descriptor.h"
#include "host/unix_message_socket.h"
#include "pci/pci_device.h"
#include "pci/vfio_user/connection.h"
#include "pci/vfio_user/server.h"

namespace enid::host {

// What the owner of a device adds to it.
struct DeviceHooks {
  std::function<Instant()> next_timeout = [] { return Instant::never(); };
  std::function<void(Instant)> on_timeout = [](Instant) {};
  std::function<void(const std::string&)> complain = [](const std::string&) {};
  // A client has come, or gone; then the device has been reset.
  std::function<void(bool is_there)> on_client = [](bool) {};
};

class VfioUserListener final : public Conversation {
 public:
  // Replaces a file that lies at `path`. `trust`: in the files of the client's memory. `device` must outlive
  // the listener.
  static Result<std::shared_ptr<VfioUserListener>> create(const std::string& path, pci::PciDevice& device,
                                                          DeviceHooks hooks, Trust trust = Trust::kAll);
  ~VfioUserListener() override;
  VfioUserListener(const VfioUserListener&) = delete;
  VfioUserListener& operator=(const VfioUserListener&) = delete;

  int fd() const override { return client_ ? client_->socket.fd() : listener_.get(); }
  bool wants_to_write() const override { return client_ && client_->connection.wants_to_write(); }
  void on_ready(Instant now) override;
  Instant next_timeout() const override { return hooks_.next_timeout(); }
  void on_timeout(Instant now) override { hooks_.on_timeout(now); }

 private:
  VfioUserListener(std::string path, UniqueFd listener, pci::PciDevice& device, DeviceHooks hooks,
                   Trust trust);

  struct Client {
    Client(UniqueFd fd, pci::vfio_user::Server& server) : socket(std::move(fd)), connection(socket, server) {}
    UnixMessageSocket socket;
    pci::vfio_user::Connection connection;
  };

  void accept();

  std::string path_;
  UniqueFd listener_;
  DeviceHooks hooks_;
  HostDescriptorUser descriptors_;
  pci::vfio_user::Server server_;
  std::unique_ptr<Client> client_;  // Last: it ends with a word to the server.
};

}  // namespace enid::host
