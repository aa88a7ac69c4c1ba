// DeviceConnection: one device's process, as the daemon talks to it.
//
// Theory of operation
//   Hello says which interface; the owner (DeviceServer) decides, by welcome() or refuse(). Begin brings the
//   memory that both halves share, and the port is made. Then each message is a change of that port, judged
//   by DataPathServer and carried out between two rounds of the card's thread.
//
// Invariants
//   (1) All calls come on the devices' thread, and none waits for the process: one that does not read its
//   answers, or sends what makes no sense, is refused and loses its connection, and nobody else anything.
//   (2) While the link is down the port is not the card's. It has left the card before the process is told
//   so, and before it is refused: from then on nobody writes its memory.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/resource_id.h"
#include "devices/ena/data_path_server.h"
#include "devices/ena/ena_port.h"
#include "host/card_worker.h"
#include "host/device_thread.h"
#include "host/host_descriptor.h"
#include "host/packet_socket.h"
#include "instances/card_thread_data_path.h"

namespace enid::instances {

class DeviceConnection final : public host::Conversation {
 public:
  struct Hooks {
    std::function<void(DeviceConnection&)> on_hello;
    std::function<void(DeviceConnection&)> on_begin;  // The device is whole.
    std::function<void(DeviceConnection&)> on_end;
  };

  // `worker` outlives the connection.
  DeviceConnection(host::PacketSocket socket, host::CardWorker& worker, Hooks hooks, Instant now);
  ~DeviceConnection() override;
  DeviceConnection(const DeviceConnection&) = delete;
  DeviceConnection& operator=(const DeviceConnection&) = delete;

  // From the hello on. An id that is none has no text.
  const NetworkInterfaceId& interface() const { return interface_; }
  const std::string& instance() const { return hello_.instance; }
  bool is_open() const { return socket_.has_value(); }
  bool is_whole() const { return port_ != nullptr; }

  void welcome(devices::ena::Welcome welcome);
  // Ends the connection.
  void refuse(const devices::ena::Refusal& refusal);
  void set_link(bool is_up);
  void end();

  int fd() const override { return socket_ ? socket_->fd() : -1; }
  void on_ready(Instant now) override;
  Instant next_timeout() const override { return patience_; }
  void on_timeout(Instant now) override;

 private:
  enum class State : std::uint8_t { kSilent, kAsking, kWelcome, kWhole };

  Result<devices::ena::DataPathMessage> answer(const devices::ena::DataPathMessage& message,
                                               devices::ena::DataPathServer::Descriptors descriptors);
  Result<void> begin(const devices::ena::Begin& begin, devices::ena::DataPathServer::Descriptors& files);
  void send(const devices::ena::DataPathMessage& message);
  void join_card();
  void leave_card();

  std::optional<host::PacketSocket> socket_;
  host::CardWorker& worker_;
  Hooks hooks_;
  State state_ = State::kSilent;
  Instant patience_;
  devices::ena::Hello hello_;
  NetworkInterfaceId interface_;
  devices::ena::Welcome welcome_;
  bool is_link_up_ = false;

  host::HostDescriptorUser descriptors_{host::Trust::kSealed};
  std::shared_ptr<pci::SharedMemory> doorbells_;
  std::shared_ptr<pci::SharedMemory> low_latency_;
  std::shared_ptr<pci::SharedMemory> states_;
  std::shared_ptr<devices::ena::EnaPort> port_;
  bool is_bound_ = false;
  std::unique_ptr<CardThreadDataPath> data_path_;
  std::unique_ptr<devices::ena::DataPathServer> server_;
};

}  // namespace enid::instances
