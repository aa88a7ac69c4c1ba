// AgentFrame: what the daemon and a guest's agent say to each other over a virtio serial port.
//
// Theory of operation
//   The port is a stream without beginning: each side may join while the other is in the middle
//   of a word (a guest that was reset, a daemon that was restarted). So a frame is put between
//   marks, and a mark inside it is escaped (as HDLC does it). Inside: verb, session (4 bytes,
//   little endian), length of the data (4), data. What has another length than it says was cut
//   off, and is dropped.
//
//   A session is one command that runs in the guest.
//
//     daemon to agent                          agent to daemon
//     hello, nonce                             hello, the same nonce, once every older session
//                                                is ended; or "", when the agent starts
//     start, as "exec" in control_message.h    started | refused, why
//     input, bytes; input_end                  output, bytes; errors, bytes
//     credit, n: output taken                  credit, n: input taken
//     signal, number; window, "rows columns"   exited, status
//     hang_up: who asked has gone
//     power, "off"|"reboot"
//
//   Neither side sends more than kAgentWindow bytes of data that the other has not yet taken, so
//   a command that does not read, or a terminal that does not print, holds up nobody else.
//
// Invariants
//   (1) Whatever arrives, at most kLargestAgentFrame bytes (escaped twice that) are held.
//   (2) A frame that was not sent whole is not taken for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace enid::instances {

inline constexpr std::size_t kLargestAgentFrame = 192 * 1024;
inline constexpr std::size_t kAgentWindow = 128 * 1024;
inline constexpr std::size_t kAgentChunk = 16 * 1024;  // The most data in a frame of a stream.
inline constexpr std::size_t kMostAgentSessions = 64;

enum class AgentVerb : std::uint8_t {
  kHello = 1,
  kStart,
  kStarted,
  kRefused,
  kInput,
  kInputEnd,
  kOutput,
  kErrors,
  kCredit,
  kSignal,
  kWindow,
  kExited,
  kPower,
  kHangUp,
};

struct AgentFrame {
  AgentVerb verb = AgentVerb::kHello;
  std::uint32_t session = 0;
  std::string data = {};
};

std::string write_agent_frame(AgentVerb verb, std::uint32_t session, std::string_view data);

class AgentFrameReader {
 public:
  void on_bytes(std::string_view bytes) { waiting_.append(bytes); }
  // The next whole frame, if there is one.
  std::optional<AgentFrame> next();
  // What comes next comes from another sender.
  void restart();

 private:
  std::string waiting_;  // Not yet looked at.
  std::string frame_;    // What follows the last mark, without escapes.
  bool escaped_ = false;
  bool skip_ = true;  // Until the next mark.
};

// A number in a frame's data: decimal digits, or `otherwise`.
std::size_t agent_number(std::string_view text, std::size_t otherwise);

}  // namespace enid::instances
