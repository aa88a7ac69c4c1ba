// AgentRelay: makes a QEMU guest answer `enid exec` as a namespace instance does.
//
// Theory of operation
//   It listens on the instance's init.sock and speaks control_message.h there, so the client
//   needs not know what kind of instance it talks to. On the other side it is connected to the
//   virtio serial port of the guest's agent (agent_frame.h). In between it copies: the caller's
//   streams, or, for a terminal, a pseudo terminal of the host whose other end the client gets.
//   A change of that terminal's size is looked for four times a second.
//
//   One thread, one poll loop. A client that comes before the guest's agent has said hello waits.
//
// Invariants
//   (1) A stream is only written when poll() says that it takes something, and never made
//       non-blocking: it is shared with the caller, who would notice.
//   (2) What the guest sends is not trusted: a session holds at most kAgentWindow bytes of
//       output, and is ended when the guest sends more than it was allowed to.
//   (3) When the agent starts anew (the guest was reset), its sessions end: their clients'
//       sockets are closed.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "host/unique_fd.h"
#include "instances/control_message.h"
#include "instances/qemu/agent_frame.h"

struct pollfd;

namespace enid::instances {

class AgentRelay {
 public:
  // `folder` is STATE/instances/<id>, QEMU's folder.
  static Result<std::unique_ptr<AgentRelay>> start(const std::string& folder,
                                                   const std::string& agent_socket = "agent.sock");
  ~AgentRelay();
  AgentRelay(const AgentRelay&) = delete;
  AgentRelay& operator=(const AgentRelay&) = delete;

  // The agent has said hello since the guest was last reset: user space is up.
  bool is_ready() const { return ready_; }
  // The guest is being reset (QMP's RESET, or a reboot of ours): its commands are no more, and
  // clients wait until the agent is back. Without this word the agent's next hello ends them.
  void on_guest_reset();
  // Has the guest shut itself down, as its own `poweroff` would. False: no agent listens.
  bool ask_to_power_off();
  // The same for a reboot.
  bool ask_to_reboot();

 private:
  struct Session {
    host::UniqueFd client;
    host::UniqueFd input;  // Of the caller, or our end of the terminal.
    host::UniqueFd output;
    host::UniqueFd errors;
    host::UniqueFd terminal;  // The client's end, until it has been sent.
    bool is_terminal = false;
    bool asked = false;
    bool started = false;
    bool ended = false;  // To be erased.
    std::string window;
    std::string waiting_output;
    std::string waiting_errors;
    std::size_t room = kAgentWindow;  // What the agent still takes.
    std::string status;               // Once the command has exited.
  };

  AgentRelay(host::UniqueFd agent, host::UniqueFd listener, host::UniqueFd wake);

  void run();
  void serve(std::vector<pollfd>& waiting);
  void accept_client();
  void on_agent(short events);
  void obey(AgentFrame frame);
  void obey_in_session(std::uint32_t id, Session& session, AgentFrame frame);
  void on_client(std::uint32_t id, Session& session);
  Result<void> ask(std::uint32_t id, Session& session, ControlMessage message);
  void read_input(std::uint32_t id, Session& session);
  void write_output(std::uint32_t id, Session& session, host::UniqueFd& stream, std::string& bytes);
  void look_at_window(std::uint32_t id, Session& session);
  void finish_sessions();
  void say(AgentVerb verb, std::uint32_t session, std::string_view data = {});
  void flush();

  host::UniqueFd agent_;
  host::UniqueFd listener_;
  host::UniqueFd wake_;  // eventfd
  AgentFrameReader reader_;
  std::string outbox_;
  std::string nonce_;
  std::map<std::uint32_t, Session> sessions_;
  std::uint32_t next_session_ = 1;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> power_off_ = false;
  std::atomic<bool> reboot_ = false;
  std::atomic<bool> reset_ = false;
  std::thread thread_;
};

}  // namespace enid::instances
