// InstanceInit: process 1 of an instance.
//
// Theory of operation
//   One thread, one poll loop over: signals, init.sock and its connections, the console, and
//   the DHCP clients' events. It starts commands for `enid exec`, runs user data once, keeps a
//   DHCP client per interface, reaps whatever dies, and ends everything when asked: by the
//   daemon ("stop", "reboot"), or from inside by the signals that poweroff and reboot send.
//
// Invariants
//   (1) It never ends but by power-off; a child's death or a bad message is no reason.
//   (2) At most kMostConnections connections; nothing that one of them does blocks the loop
//       for longer than kGraceMilliseconds.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "base/result.h"
#include "host/unique_fd.h"
#include "instances/control_message.h"
#include "instances/init/console.h"
#include "instances/init/interfaces.h"

namespace enid::instances {

// What was read from the instance's folder before it went out of sight.
struct InitSettings {
  std::string hostname;
  std::string user_data;
  std::string authorized_key;
};

class InstanceInit {
 public:
  static constexpr std::size_t kMostConnections = 256;
  static constexpr int kGraceMilliseconds = 2000;
  static constexpr int kLeaseMilliseconds = 2000;

  InstanceInit(InitSettings settings, Console console, host::UniqueFd listener);

  // Ready to serve: signals are held, /run/enid is made.
  Result<void> prepare();
  // Returns when the instance has powered off.
  void run();

 private:
  struct Connection {
    host::UniqueFd socket;
    pid_t command = 0;                     // What it waits for, if anything.
    std::optional<std::string> interface;  // The interface whose lease it waits for; "": all.
    std::chrono::steady_clock::time_point give_up;
  };

  void accept_connection();
  bool serve(Connection& connection);  // False: close it.
  bool obey(Connection& connection, ControlMessage message);
  bool start_command(Connection& connection, ControlMessage message);
  void boot(bool first);
  void on_signal();
  void reap();
  void end_processes();
  void reboot();
  void wait_for_lease(Connection& connection, std::string interface);
  // Answers those whose interface has its lease, or has waited long enough.
  void answer_waiting();
  int poll_timeout_ms();

  InitSettings settings_;
  Console console_;
  Interfaces interfaces_;
  host::UniqueFd listener_;
  host::UniqueFd signals_;
  std::list<Connection> connections_;
  pid_t user_data_ = 0;
  bool booted_ = false;
  bool off_ = false;
  bool reboot_ = false;
};

}  // namespace enid::instances
