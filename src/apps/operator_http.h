// Operator HTTP: the little HTTP/1.1 that the commands and the daemon speak over STATE/enid.sock.
//
// Theory of operation
//   The socket lies in a folder of mode 0700, so whoever can connect is the operator: no
//   authentication, JSON bodies, one request a connection, `Connection: close`. Each connection
//   has its own thread, because a request may wait on the control plane or stream for hours
//   (capture) and there are never many. `curl --unix-socket STATE/enid.sock http://enid/status`
//   works too.
//
// Invariants
//   (1) At most kConnectionsMax at once; the next one is answered 503.
//   (2) A request head is at most 16 KiB, a body at most 1 MiB.
//   (3) stop() returns only when no handler runs any more.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"

namespace enid::apps {

struct OperatorRequest {
  std::string method;  // "GET"
  std::string path;    // "/keys/AKIA…", without the query.
  std::map<std::string, std::string> query;
  std::string body;
};

// The answer of one request, as the handler writes it: once whole, or as a stream.
class OperatorAnswer {
 public:
  OperatorAnswer(int socket, const std::atomic<bool>& stopping) : socket_(socket), stopping_(stopping) {}

  void send(int status, std::string_view content_type, std::string_view body);
  void begin_stream(std::string_view content_type);
  // False when the reader is gone.
  bool write(std::string_view bytes);
  // True when a stream should end: the reader hung up, or the daemon stops.
  bool should_end() const;

 private:
  int socket_;
  const std::atomic<bool>& stopping_;
};

class OperatorServer {
 public:
  using Handler = std::function<void(const OperatorRequest&, OperatorAnswer&)>;

  static Result<std::unique_ptr<OperatorServer>> create(const std::string& socket_path, Handler handler);
  ~OperatorServer();

  void stop();

 private:
  OperatorServer(int listener, std::string path, Handler handler);
  void accept_connections();
  void serve(int connection);

  static constexpr int kConnectionsMax = 64;

  int listener_;
  std::string path_;
  Handler handler_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;  // Guards open_.
  std::condition_variable closed_;
  std::set<int> open_;
  std::thread acceptor_;
};

struct OperatorReply {
  int status = 0;
  std::string body;
};

// The commands' side. Refused with ECONNREFUSED or ENOENT when no daemon listens there.
Result<OperatorReply> operator_call(const std::string& socket_path, std::string_view method,
                                    std::string_view target, std::string_view body = {});
// Calls, and hands every piece of the body to `sink` until either ends; `sink` answers false to hang up.
Result<OperatorReply> operator_stream(const std::string& socket_path, std::string_view target,
                                      const std::function<bool(std::string_view)>& sink);

std::string percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);

}  // namespace enid::apps
