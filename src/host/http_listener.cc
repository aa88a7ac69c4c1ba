#include "host/http_listener.h"

#include <fmt/format.h>
#include <pthread.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <set>
#include <thread>

namespace enid::host {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kConnectionsMax = 2000;
constexpr std::uint32_t kHeaderBytesMax = 64 * 1024;
constexpr std::uint64_t kBodyBytesMax = 2 * 1024 * 1024;
// Chosen: long enough for people who type, short enough that slow clients cannot fill the house.
constexpr std::chrono::seconds kIdle{75};
constexpr std::chrono::seconds kOneRequest{30};
constexpr std::chrono::seconds kOneAnswer{60};

http::response<http::string_body> to_beast(api::HttpResponse&& answer, unsigned version, bool keep_alive) {
  http::response<http::string_body> response;
  response.version(version);
  response.result(static_cast<unsigned>(answer.status));
  response.set(http::field::server, "AmazonEC2");
  response.set(http::field::content_type, answer.content_type);
  for (api::HttpHeader& header : answer.headers) response.set(header.name, header.value);
  response.body() = std::move(answer.body);
  response.keep_alive(keep_alive);
  response.prepare_payload();
  return response;
}

api::HttpRequest from_beast(http::request<http::string_body>&& message) {
  api::HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message)
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  request.body = std::move(message.body());
  return request;
}

// What the connections share. Lives until the last of them is gone.
struct Shared {
  HttpListener::Handler handler;
  bool stopping = false;  // The io thread's.
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, std::shared_ptr<Shared> shared, std::set<Connection*>& all)
      : stream_(std::move(socket)), shared_(std::move(shared)), all_(all) {
    all_.insert(this);
  }
  ~Connection() { all_.erase(this); }

  void begin() {
    error_code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    read();
  }
  void close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.socket().close(ignored);
  }
  void refuse(int status, std::string text) {
    keep_alive_ = false;
    write({.status = status, .content_type = "text/plain", .body = std::move(text), .headers = {}});
  }

 private:
  void read() {
    parser_.emplace();
    parser_->header_limit(kHeaderBytesMax);
    parser_->body_limit(kBodyBytesMax);
    stream_.expires_after(buffer_.size() == 0 ? kIdle : kOneRequest);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_header(error); });
  }

  void on_header(error_code error) {
    if (error) return on_bad_read(error);
    version_ = parser_->get().version();
    keep_alive_ = parser_->keep_alive();
    head_ = parser_->get().method() == http::verb::head;
    stream_.expires_after(kOneRequest);
    if (parser_->get()[http::field::expect] != "100-continue") return read_body();
    continue_.emplace(http::status::continue_, version_);
    http::async_write(stream_, *continue_, [self = shared_from_this()](error_code failed, std::size_t) {
      if (!failed) self->read_body();
    });
  }

  void read_body() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) { self->on_body(error); });
  }

  void on_body(error_code error) {
    if (error) return on_bad_read(error);
    if (shared_->stopping) return;
    stream_.expires_never();  // The handler's time is its own.
    shared_->handler(from_beast(parser_->release()), [self = shared_from_this()](api::HttpResponse answer) {
      asio::post(self->stream_.get_executor(),
                 [self, answer = std::move(answer)]() mutable { self->write(std::move(answer)); });
    });
  }

  void on_bad_read(error_code error) {
    if (error == http::error::end_of_stream || error == beast::error::timeout) return close();
    if (error == http::error::body_limit) return refuse(413, "The request body is too large.\n");
    if (error == http::error::header_limit) return refuse(431, "The request header is too large.\n");
    if (error.category() == http::make_error_code(http::error::bad_method).category())
      return refuse(400, fmt::format("Not HTTP: {}.\n", error.message()));
    close();
  }

  void write(api::HttpResponse answer) {
    response_.emplace(to_beast(std::move(answer), version_, keep_alive_));
    if (head_) response_->body().clear();
    stream_.expires_after(kOneAnswer);
    http::async_write(stream_, *response_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error || self->shared_->stopping) return self->close();
      if (!self->keep_alive_) return self->linger();
      self->read();
    });
  }

  // Ends our side and reads what the client still sends, so that it sees the answer, not a reset.
  void linger() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    drain(0);
  }
  void drain(std::size_t drained) {
    constexpr std::size_t kDrainMax = 16 * 1024 * 1024;
    if (drained > kDrainMax) return close();
    buffer_.clear();
    stream_.expires_after(std::chrono::seconds(2));
    stream_.async_read_some(buffer_.prepare(64 * 1024),
                            [self = shared_from_this(), drained](error_code error, std::size_t more) {
                              if (error || more == 0) return self->close();
                              self->drain(drained + more);
                            });
  }

  beast::tcp_stream stream_;
  std::shared_ptr<Shared> shared_;
  std::set<Connection*>& all_;
  beast::flat_buffer buffer_{kHeaderBytesMax + kBodyBytesMax};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::empty_body>> continue_;
  std::optional<http::response<http::string_body>> response_;
  unsigned version_ = 11;
  bool keep_alive_ = false;
  bool head_ = false;
};

}  // namespace

struct HttpListener::State {
  std::set<Connection*> connections;  // Before `context`: what waits in it holds connections.
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  std::uint16_t port = 0;
  std::thread thread;

  void accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
      if (shared->stopping) return;
      if (!error) {
        auto connection = std::make_shared<Connection>(std::move(socket), shared, connections);
        if (connections.size() > kConnectionsMax) {
          connection->refuse(503, "Too many connections.\n");
        } else {
          connection->begin();
        }
      }
      accept();
    });
  }
};

Result<std::unique_ptr<HttpListener>> HttpListener::create(const HttpListenerOptions& options,
                                                           Handler handler) {
  auto state = std::make_unique<State>();
  state->shared->handler = std::move(handler);
  error_code error;
  const auto address = asio::ip::make_address(options.host, error);
  if (error)
    return failure(std::make_error_code(std::errc::invalid_argument),
                   "not an address to listen on: " + options.host);
  const tcp::endpoint endpoint(address, options.port);
  tcp::acceptor& acceptor = state->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1024, error);
  if (error)
    return failure(error,
                   fmt::format("cannot listen on {}:{}: {}", options.host, options.port, error.message()));
  state->port = acceptor.local_endpoint().port();
  state->accept();
  state->thread = std::thread([context = &state->context] {
    ::pthread_setname_np(::pthread_self(), "enid-http");
    context->run();
  });
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(state)));
}

HttpListener::HttpListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpListener::~HttpListener() { stop(); }

std::uint16_t HttpListener::port() const { return state_->port; }

void HttpListener::stop() {
  if (!state_->thread.joinable()) return;
  asio::post(state_->context, [state = state_.get()] {
    state->shared->stopping = true;
    error_code ignored;
    state->acceptor.close(ignored);
    for (Connection* connection : state->connections) connection->close();
    state->context.stop();
  });
  state_->thread.join();
}

}  // namespace enid::host
