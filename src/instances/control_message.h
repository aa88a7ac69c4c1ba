// ControlMessage: what is said over an instance's init.sock.
//
// Theory of operation
//   The socket keeps message boundaries (SOCK_SEQPACKET). A message is a list of fields, each
//   followed by a zero byte, so that a command's arguments pass as they are; the first field
//   says what is meant. File descriptors may travel with it.
//
//     to the init                              its answer
//     boot, "first"|"again"                    done
//     configure, ethN, mac                     done | late (no lease yet; the client goes on)
//     forget, ethN                             done
//     stop | reboot                            the socket closes | done
//     exec, terminal, count, arguments…,       started [+ pty master], later exited, status
//       environment…  + 3 streams
//       (terminal: "rows columns", or "" for none)
//     signal, number                           none
//
// Invariants: at most kLargestMessage bytes and kMostDescriptors descriptors; what is larger
// is refused by the sender and dropped by the receiver.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/unique_fd.h"

namespace enid::instances {

inline constexpr std::size_t kLargestMessage = 160 * 1024;
inline constexpr std::size_t kMostDescriptors = 3;

struct ControlMessage {
  std::vector<std::string> fields;
  std::vector<host::UniqueFd> descriptors;

  bool is(std::string_view verb) const { return !fields.empty() && fields[0] == verb; }
};

std::string write_fields(std::span<const std::string> fields);
std::vector<std::string> parse_fields(std::string_view bytes);

Result<void> send_message(int socket, const std::vector<std::string>& fields,
                          std::span<const int> descriptors = {});
// Waits at most `timeout_ms` (-1: for ever). No fields: the other side has gone.
Result<ControlMessage> receive_message(int socket, int timeout_ms = -1);

// Connects to `folder`/init.sock; the folder's path may be longer than a socket address.
Result<host::UniqueFd> connect_to_init(const std::string& folder);

}  // namespace enid::instances
