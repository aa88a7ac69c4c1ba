// DaemonLink: how a device's process speaks to the daemon, and finds it again.
//
// Theory of operation
//   It connects to STATE/devices.sock, says which interface it is, and is welcomed or refused. From then on
//   it is the channel of a RemoteDataPath. When the daemon has gone it tries again, seldomer each time, for
//   as long as the process lives; whoever owns it is told of each welcome, and tells all anew.
//
// Invariants
//   (1) All calls come on the devices' thread, but for shut_down().
//   (2) An exchange ends with its answer or with the connection, however long the daemon takes: only so is a
//   call complete when it returns. A daemon that is stopped but not dead holds up its guests' registers.
//   (3) on_link() is never called within an exchange.
//
// Chosen: the times between two tries.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/random.h"
#include "devices/ena/remote_data_path.h"
#include "host/device_thread.h"
#include "host/packet_socket.h"

namespace enid::instances {

struct DaemonLinkHooks {
  std::function<void(const devices::ena::Welcome&)> on_welcome;
  std::function<void(bool is_up)> on_link;  // Down also when the daemon refuses what it had welcomed.
};

class DaemonLink final : public host::Conversation, public devices::ena::DataPathChannel {
 public:
  DaemonLink(std::string path, devices::ena::Hello hello)
      : path_(std::move(path)), hello_(std::move(hello)) {}

  // The first time: connects, and waits for the welcome. Afterwards the hooks are called.
  Result<devices::ena::Welcome> join();
  void set_hooks(DaemonLinkHooks hooks) { hooks_ = std::move(hooks); }
  // Any thread: ends waits of the others, and the connection.
  void shut_down();

  std::optional<devices::ena::DataPathMessage> exchange(const devices::ena::DataPathMessage& message,
                                                        devices::ena::PassedDescriptors descriptors) override;

  int fd() const override { return socket_ ? socket_->fd() : -1; }
  void on_ready(Instant now) override;
  Instant next_timeout() const override;
  void on_timeout(Instant now) override;

 private:
  Result<void> connect();
  Result<std::optional<devices::ena::DataPathMessage>> receive(host::PacketSocket::Wait wait);
  void obey(const devices::ena::DataPathMessage& message);
  void lose(const std::string& why);
  void be_refused(const devices::ena::Refusal& refusal);
  void retry_later();

  const std::string path_;
  const devices::ena::Hello hello_;
  DaemonLinkHooks hooks_;
  std::mutex mutex_;  // Over `socket_` when it changes, and when another thread looks at it.
  std::optional<host::PacketSocket> socket_;
  bool is_welcome_ = false;
  std::optional<bool> link_;  // To be told, when nobody is within a call.
  bool is_shut_down_ = false;
  std::string last_refusal_;
  Duration pause_;
  Instant next_try_ = Instant::never();
};

}  // namespace enid::instances
