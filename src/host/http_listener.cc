#include "host/http_listener.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "host/clock.h"

namespace enid::host {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kConnectionsMax = 2000;
// Beyond those, this many are told so; the rest is just closed.
constexpr std::size_t kRefusalsMax = 100;
constexpr std::uint32_t kHeaderBytesMax = 64 * 1024;
constexpr std::uint64_t kBodyBytesMax = 2 * 1024 * 1024;
// Chosen: long enough for people who type, short enough that slow clients cannot fill the house.
constexpr std::chrono::seconds kIdle{75};
constexpr std::chrono::seconds kOneRequest{30};
constexpr std::chrono::seconds kOneAnswer{60};
constexpr std::chrono::seconds kLinger{5};
constexpr std::chrono::milliseconds kPauseWithoutDescriptors{50};

// RFC 9110, 6.6.1. Clients correct their clocks, and so their signatures, by it.
const std::string& date_header() {
  thread_local std::int64_t second = -1;
  thread_local std::string text;
  const std::int64_t now = wall_now().seconds_since_epoch();
  if (now != second) {
    second = now;
    const time_t time = now;
    tm parts{};
    ::gmtime_r(&time, &parts);
    char buffer[40];
    text.assign(buffer, ::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  }
  return text;
}

// Every connection takes a descriptor, and the usual limit is 1024.
void allow_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, 4 * kConnectionsMax);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

http::response<http::string_body> to_beast(api::HttpResponse&& answer, unsigned version, bool keep_alive) {
  http::response<http::string_body> response;
  response.version(version);
  response.result(static_cast<unsigned>(answer.status));
  response.set(http::field::date, date_header());
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

// Where other threads leave answers for the io thread. It outlives the listener, since answers may.
class Mailbox {
 public:
  explicit Mailbox(asio::io_context& context) : context_(&context) {}

  template <class Work>
  void post(Work&& work) {
    const std::lock_guard lock(mutex_);
    if (context_ != nullptr) asio::post(*context_, std::forward<Work>(work));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
  }

 private:
  std::mutex mutex_;
  asio::io_context* context_;
};

class Connection;

// What the connections share; the io thread's alone.
struct Shared {
  HttpListener::Handler handler;
  std::shared_ptr<Mailbox> mailbox;
  std::set<std::shared_ptr<Connection>> open;
  bool stopping = false;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shared& shared) : stream_(std::move(socket)), shared_(shared) {}

  void begin() {
    error_code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    read();
  }
  // The end of every connection.
  void close() {
    shared_.open.erase(shared_from_this());
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.socket().close(ignored);
  }
  void refuse(int status, std::string text) {
    keep_alive_ = false;
    head_ = false;
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
    if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_body();
    continue_.emplace(http::status::continue_, version_);
    http::async_write(stream_, *continue_, [self = shared_from_this()](error_code failed, std::size_t) {
      if (failed) return self->close();
      self->read_body();
    });
  }

  void read_body() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code error, std::size_t) { self->on_body(error); });
  }

  void on_body(error_code error) {
    if (error) return on_bad_read(error);
    if (shared_.stopping) return;
    stream_.expires_never();  // The handler's time is its own.
    // Whoever answers holds no connection: those belong to the io thread.
    shared_.handler(from_beast(parser_->release()),
                    [mailbox = shared_.mailbox, connection = weak_from_this()](api::HttpResponse answer) {
                      mailbox->post([connection, answer = std::move(answer)]() mutable {
                        if (const auto self = connection.lock()) self->write(std::move(answer));
                      });
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
      if (error || self->shared_.stopping) return self->close();
      if (!self->keep_alive_) return self->linger();
      self->read();
    });
  }

  // Ends our side and reads what the client still sends, so that it sees the answer, not a reset.
  void linger() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kLinger);
    drain();
  }
  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(64 * 1024),
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (error) return self->close();
                              self->drain();
                            });
  }

  beast::tcp_stream stream_;
  Shared& shared_;
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
  asio::io_context context{1};  // First: all others use it until their end.
  Shared shared;
  tcp::acceptor acceptor{context};
  asio::steady_timer pause{context};
  std::uint16_t port = 0;
  std::thread thread;

  void accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
      if (shared.stopping) return;
      if (error) return accept_later();
      welcome(std::move(socket));
      accept();
    });
  }

  // Without a free descriptor the next attempt would fail at once, and again, and again.
  void accept_later() {
    pause.expires_after(kPauseWithoutDescriptors);
    pause.async_wait([this](error_code) {
      if (!shared.stopping) accept();
    });
  }

  void welcome(tcp::socket socket) {
    if (shared.open.size() >= kConnectionsMax + kRefusalsMax) return;
    const bool full = shared.open.size() >= kConnectionsMax;
    const auto connection =
        *shared.open.insert(std::make_shared<Connection>(std::move(socket), shared)).first;
    if (full) return connection->refuse(503, "Too many connections.\n");
    connection->begin();
  }
};

Result<std::unique_ptr<HttpListener>> HttpListener::create(const HttpListenerOptions& options,
                                                           Handler handler) {
  allow_descriptors();
  auto state = std::make_unique<State>();
  state->shared.handler = std::move(handler);
  state->shared.mailbox = std::make_shared<Mailbox>(state->context);
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
    state->shared.stopping = true;
    error_code ignored;
    state->acceptor.close(ignored);
    for (const auto& connection : std::exchange(state->shared.open, {})) connection->close();
    state->context.stop();
  });
  state_->thread.join();
  state_->shared.mailbox->close();
}

}  // namespace enid::host
