#include "apps/operator_http.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>

#include "host/unix_address.h"

namespace enid::apps {
namespace {

constexpr std::size_t kHeadBytesMax = 16 * 1024;
constexpr std::size_t kBodyBytesMax = 1024 * 1024;
constexpr int kRequestTimeoutMs = 5'000;

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Appends what arrives; false at the end of the stream, on an error or after the timeout (-1: none).
bool receive_more(int socket, std::string& buffer, int timeout_ms) {
  pollfd wait{.fd = socket, .events = POLLIN, .revents = 0};
  if (::poll(&wait, 1, timeout_ms) <= 0) return false;
  char chunk[16 * 1024];
  const ssize_t received = ::recv(socket, chunk, sizeof chunk, 0);
  if (received <= 0) return false;
  buffer.append(chunk, static_cast<std::size_t>(received));
  return true;
}

// A header's value from the lines after the first, names compared without case; empty when absent.
std::string_view header_value(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        ::strncasecmp(line.data(), name.data(), name.size()) == 0) {
      std::string_view value = line.substr(name.size() + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      return value;
    }
    if (end == std::string_view::npos) break;
    head.remove_prefix(end + 2);
  }
  return {};
}

std::optional<std::size_t> parse_length(std::string_view text) {
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return length;
}

std::map<std::string, std::string> parse_query(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    query[percent_decode(pair.substr(0, equals))] = percent_decode(value);
  }
  return query;
}

std::optional<OperatorRequest> read_request(int socket) {
  std::string buffer;
  std::size_t head_end = 0;
  while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (buffer.size() > kHeadBytesMax || !receive_more(socket, buffer, kRequestTimeoutMs))
      return std::nullopt;
  }
  const std::string head = buffer.substr(0, head_end);
  OperatorRequest request;
  const std::size_t method_end = head.find(' ');
  const std::size_t target_end =
      method_end == std::string::npos ? method_end : head.find(' ', method_end + 1);
  if (target_end == std::string::npos) return std::nullopt;
  request.method = head.substr(0, method_end);
  const std::string target = head.substr(method_end + 1, target_end - method_end - 1);
  const std::size_t question = target.find('?');
  request.path = percent_decode(std::string_view(target).substr(0, question));
  if (question != std::string::npos)
    request.query = parse_query(std::string_view(target).substr(question + 1));

  const std::string_view length_text = header_value(head, "content-length");
  const std::optional<std::size_t> length = length_text.empty() ? 0 : parse_length(length_text);
  if (!length || *length > kBodyBytesMax) return std::nullopt;
  request.body = buffer.substr(head_end + 4);
  while (request.body.size() < *length) {
    if (!receive_more(socket, request.body, kRequestTimeoutMs)) return std::nullopt;
  }
  request.body.resize(*length);
  return request;
}

Result<sockaddr_un> socket_address(const std::string& path) {
  Result<sockaddr_un> address = host::unix_address(path);
  if (!address) address.error().message += "; choose a shorter --state";
  return address;
}

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

Result<std::unique_ptr<Socket>> send_request(const std::string& socket_path, std::string_view method,
                                             std::string_view target, std::string_view body) {
  const sockaddr_un address = TRY(socket_address(socket_path));
  auto socket = std::make_unique<Socket>(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket->fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno_failure("connect to " + socket_path);
  }
  const std::string head = fmt::format(
      "{} {} HTTP/1.1\r\nHost: enid\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", method,
      target, body.size());
  if (!send_all(socket->fd(), head) || !send_all(socket->fd(), body))
    return errno_failure("send to " + socket_path);
  return socket;
}

// Reads an answer's head; leaves in `buffer` what came after it. Answers the status.
Result<int> read_head(int socket, std::string& buffer) {
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!receive_more(socket, buffer, -1)) {
      return failure(std::make_error_code(std::errc::connection_reset),
                     "the daemon hung up before it answered");
    }
  }
  int status = 0;
  if (buffer.size() > 12) std::from_chars(buffer.data() + 9, buffer.data() + 12, status);
  buffer.erase(0, end + 4);
  return status;
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      plain.push_back(static_cast<char>(value));
      i += 2;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded.push_back(c);
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

void OperatorAnswer::send(int status, std::string_view content_type, std::string_view body) {
  const std::string head =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                  status, status < 300 ? "OK" : "Refused", content_type, body.size());
  if (send_all(socket_, head)) send_all(socket_, body);
}

void OperatorAnswer::begin_stream(std::string_view content_type) {
  send_all(socket_,
           fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nConnection: close\r\n\r\n", content_type));
}

bool OperatorAnswer::write(std::string_view bytes) { return send_all(socket_, bytes); }

bool OperatorAnswer::should_end() const {
  if (stopping_) return true;
  pollfd wait{.fd = socket_, .events = POLLIN | POLLRDHUP, .revents = 0};
  return ::poll(&wait, 1, 0) > 0 && (wait.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

Result<std::unique_ptr<OperatorServer>> OperatorServer::create(const std::string& socket_path,
                                                               Handler handler) {
  const sockaddr_un address = TRY(socket_address(socket_path));
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return errno_failure("make a socket");
  ::unlink(socket_path.c_str());  // Of a daemon that was killed; the caller holds the state's lock.
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(socket_path.c_str(), 0600) != 0 || ::listen(listener, 64) != 0) {
    auto error = errno_failure("listen on " + socket_path);
    ::close(listener);
    return error;
  }
  return std::unique_ptr<OperatorServer>(new OperatorServer(listener, socket_path, std::move(handler)));
}

OperatorServer::OperatorServer(int listener, std::string path, Handler handler)
    : listener_(listener), path_(std::move(path)), handler_(std::move(handler)) {
  acceptor_ = std::thread([this] { accept_connections(); });
}

OperatorServer::~OperatorServer() { stop(); }

void OperatorServer::stop() {
  if (stopping_.exchange(true)) return;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  ::unlink(path_.c_str());
  std::unique_lock lock(mutex_);
  for (const int connection : open_)
    ::shutdown(connection, SHUT_RDWR);  // Ends a write to a reader that sleeps.
  closed_.wait(lock, [this] { return open_.empty(); });
}

void OperatorServer::accept_connections() {
  while (!stopping_) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EMFILE || errno == ENFILE) ::poll(nullptr, 0, 50);
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      if (open_.size() < kConnectionsMax) {
        open_.insert(connection);
        std::thread([this, connection] { serve(connection); }).detach();
        continue;
      }
    }
    OperatorAnswer(connection, stopping_)
        .send(503, "application/json", R"({"error":"too many connections"})");
    ::close(connection);
  }
}

void OperatorServer::serve(int connection) {
  OperatorAnswer answer(connection, stopping_);
  if (const auto request = read_request(connection)) {
    handler_(*request, answer);
  } else {
    answer.send(400, "application/json", R"({"error":"not a request this daemon understands"})");
  }
  // The owner may be destroyed as soon as the set is empty and the lock is free: notify under it.
  const std::lock_guard lock(mutex_);
  open_.erase(connection);
  ::close(connection);
  closed_.notify_all();
}

Result<OperatorReply> operator_call(const std::string& socket_path, std::string_view method,
                                    std::string_view target, std::string_view body) {
  const auto socket = TRY(send_request(socket_path, method, target, body));
  OperatorReply reply;
  reply.status = TRY(read_head(socket->fd(), reply.body));
  while (receive_more(socket->fd(), reply.body, -1)) {
  }
  return reply;
}

Result<OperatorReply> operator_stream(const std::string& socket_path, std::string_view target,
                                      const std::function<bool(std::string_view)>& sink) {
  const auto socket = TRY(send_request(socket_path, "GET", target, {}));
  OperatorReply reply;
  reply.status = TRY(read_head(socket->fd(), reply.body));
  if (reply.status != 200) {
    while (receive_more(socket->fd(), reply.body, -1)) {
    }
    return reply;
  }
  do {
    if (!reply.body.empty() && !sink(reply.body)) break;
    reply.body.clear();
  } while (receive_more(socket->fd(), reply.body, -1));
  return reply;
}

}  // namespace enid::apps
