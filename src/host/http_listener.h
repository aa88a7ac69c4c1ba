// HttpListener: HTTP/1.1 over TCP, for the API.
//
// Theory of operation
//   One thread serves all connections. Each connection reads a request, hands it to the
//   handler, and reads the next one when the answer is written: keep-alive and pipelined
//   requests are answered in order. Boost.Beast parses; http_listener.cc is the only file that
//   includes it.
//
// Invariants
//   (1) A header section is at most 64 KiB, a body at most 2 MiB: more is answered 431 or 413
//       before it is kept. At most kConnectionsMax connections; the next one is answered 503.
//   (2) A connection that sends or takes nothing in time is closed.
//   (3) After stop() the handler is not called any more.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/http_message.h"
#include "base/result.h"

namespace enid::host {

struct HttpListenerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 4566;  // 0: any free one.
};

class HttpListener {
 public:
  // Callable once, from any thread.
  using Respond = std::function<void(api::HttpResponse)>;
  using Handler = std::function<void(api::HttpRequest, Respond)>;

  static Result<std::unique_ptr<HttpListener>> create(const HttpListenerOptions& options, Handler handler);
  ~HttpListener();

  std::uint16_t port() const;
  void stop();

 private:
  struct State;
  explicit HttpListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace enid::host
