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
#include "pci/vfio_user/server.h"

namespace enid::host {

// What the owner of a device adds to it.
struct DeviceHooks {
  std::function<Instant()> next_timeout = [] { return Instant::never(); };
  std::function<void(Instant)> on_timeout = [](Instant) {};
  std::function<void(const std::string&)> complain = [](const std::string&) {};
};

class VfioUserListener final : public Conversation {
 public:
  // Replaces a file that lies at `path`. `device` must outlive the listener.
  static Result<std::shared_ptr<VfioUserListener>> create(const std::string& path, pci::PciDevice& device,
                                                          DeviceHooks hooks);
  ~VfioUserListener() override;
  VfioUserListener(const VfioUserListener&) = delete;
  VfioUserListener& operator=(const VfioUserListener&) = delete;

  int fd() const override { return client_ ? client_->fd() : listener_.get(); }
  void on_readable(Instant now) override;
  Instant next_timeout() const override;
  void on_timeout(Instant now) override;

 private:
  VfioUserListener(std::string path, UniqueFd listener, pci::PciDevice& device, DeviceHooks hooks);

  void accept();
  // Refused: the client has gone, or has to.
  Result<void> converse();
  Result<void> send(std::vector<pci::vfio_user::Reply> replies);
  void hang_up();

  std::string path_;
  UniqueFd listener_;
  DeviceHooks hooks_;
  HostDescriptorUser descriptors_;
  pci::vfio_user::Server server_;
  std::unique_ptr<UnixMessageSocket> client_;
  Instant next_flush_;
};

}  // namespace enid::host
