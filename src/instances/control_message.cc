#include "instances/control_message.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "host/passed_descriptors.h"
#include "host/unix_address.h"

namespace enid::instances {
namespace {

using Passed = host::PassedDescriptors<kMostDescriptors>;

}  // namespace

std::string write_fields(std::span<const std::string> fields) {
  std::string bytes;
  for (const std::string& field : fields) {
    bytes.append(field, 0, field.find('\0'));
    bytes.push_back('\0');
  }
  return bytes;
}

std::vector<std::string> parse_fields(std::string_view bytes) {
  std::vector<std::string> fields;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\0');
    if (end == std::string_view::npos) return {};  // Cut off: not a message of ours.
    fields.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
  }
  return fields;
}

Result<void> send_message(int socket, const std::vector<std::string>& fields,
                          std::span<const int> descriptors) {
  const std::string bytes = write_fields(fields);
  if (bytes.size() > kLargestMessage || descriptors.size() > kMostDescriptors)
    return failure(std::make_error_code(std::errc::argument_list_too_long), "the command is too long");
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  Passed passed;
  passed.attach(descriptors, header);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return errno_failure("send to the instance's init");
  return {};
}

Result<ControlMessage> receive_message(int socket, int timeout_ms) {
  pollfd waiting{socket, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&waiting, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return errno_failure("wait for the instance's init");
  if (ready == 0)
    return failure(std::make_error_code(std::errc::timed_out), "the instance's init does not answer");

  const ssize_t size = ::recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC);
  if (size < 0 && errno != ECONNRESET) return errno_failure("receive from the instance's init");
  if (size <= 0) return ControlMessage{};
  std::string bytes(std::min(static_cast<std::size_t>(size), kLargestMessage), '\0');
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  Passed passed;
  passed.make_room(header);
  const ssize_t received = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  if (received < 0) return errno_failure("receive from the instance's init");
  ControlMessage message;
  message.descriptors = Passed::take(header);
  message.fields = parse_fields(std::string_view(bytes).substr(0, static_cast<std::size_t>(received)));
  if (message.fields.empty()) message.fields.emplace_back();  // Not understood, but not gone either.
  return message;
}

Result<host::UniqueFd> connect_to_init(const std::string& folder) {
  host::UniqueFd opened(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open()) return errno_failure("open " + folder);
  host::UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return errno_failure("make a unix socket");
  const int bytes = static_cast<int>(2 * kLargestMessage);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
  const sockaddr_un address = TRY(host::unix_address_in(opened.get(), "init.sock"));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno_failure("connect to the instance's init");
  return socket;
}

}  // namespace enid::instances
