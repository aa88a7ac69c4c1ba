// GuestAgent: the program inside a QEMU guest that runs commands for `enid exec`.
//
// Theory of operation
//   One thread, one poll loop over the virtio serial port, the streams of the commands that run,
//   and SIGCHLD. See agent_frame.h for what is said. A command gets pipes, or a terminal of its
//   own; what it wrote is sent before the word that it has exited. When the daemon has gone, the
//   commands it asked for are hung up, as after a line that was cut.
//
// Invariants
//   (1) It ends only when its port is gone. At most kMostAgentSessions commands run.
//   (2) It holds at most kAgentWindow bytes of input a session, and reads no output that the
//       daemon has no room for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "host/unique_fd.h"
#include "instances/qemu/agent_frame.h"

namespace enid::instances {

class GuestAgent {
 public:
  // `port` is open for reading and writing and does not block.
  explicit GuestAgent(host::UniqueFd port) : port_(std::move(port)) {}

  // Returns why it cannot go on.
  Result<void> run();

 private:
  struct Session {
    pid_t command = 0;
    bool terminal = false;
    host::UniqueFd input;   // Where the command's input is written to.
    host::UniqueFd output;  // Where its output comes from; a terminal's master.
    host::UniqueFd errors;
    std::string waiting_input;
    bool input_ends = false;
    std::size_t room = kAgentWindow;  // What the daemon still takes.
    int status = -1;                  // Once it has ended.
  };

  void on_port(short events);
  void obey(AgentFrame frame);
  void obey_in_session(Session& session, const AgentFrame& frame);
  void start(const AgentFrame& frame);
  Result<Session> started(const std::string& message);
  void read_stream(std::uint32_t id, Session& session, host::UniqueFd& stream, AgentVerb verb);
  void write_input(std::uint32_t id, Session& session);
  void reap();
  void finish_sessions();
  static void hang_up(const Session& session);
  void hang_up();  // All of them.
  void say(AgentVerb verb, std::uint32_t session, std::string_view data = {});
  void flush();
  void poll_once();

  host::UniqueFd port_;
  host::UniqueFd signals_;
  AgentFrameReader reader_;
  std::string outbox_;
  std::map<std::uint32_t, Session> sessions_;
  bool connected_ = true;
  bool port_gone_ = false;
};

}  // namespace enid::instances
