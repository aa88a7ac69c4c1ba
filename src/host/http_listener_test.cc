// HTTP as clients really speak it, over sockets on 127.0.0.1.
#include "host/http_listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "host/unique_fd.h"

namespace enid::host {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A client that sees every byte.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  bool connected() const { return connected_; }

  // Gives up when the server has closed; what it said is then to be read.
  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }

  // One answer, head and body; what there is of it when the server closes or nothing comes.
  std::string answer(bool with_body = true) {
    while (received_.find("\r\n\r\n") == std::string::npos)
      if (!more()) return take(received_.size());
    const std::size_t head = received_.find("\r\n\r\n") + 4;
    const std::size_t at = received_.find("Content-Length: ");
    std::size_t body = 0;
    if (with_body && at < head) body = std::stoul(received_.substr(at + 16));
    while (received_.size() < head + body)
      if (!more()) break;
    return take(std::min(received_.size(), head + body));
  }
  std::string ask(std::string_view request) {
    send(request);
    return answer();
  }
  bool closed_by_server() {
    while (received_.empty())
      if (!more()) return closed_;
    return false;
  }

 private:
  bool more() {
    pollfd wait{fd_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 10'000) <= 0) return false;
    char bytes[16384];
    const ssize_t size = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    closed_ = size <= 0;
    if (size > 0) received_.append(bytes, static_cast<std::size_t>(size));
    return size > 0;
  }
  std::string take(std::size_t size) {
    std::string text = received_.substr(0, size);
    received_.erase(0, size);
    return text;
  }

  UniqueFd fd_;
  bool connected_ = false;
  bool closed_ = false;
  std::string received_;
};

std::string get(std::string_view target) { return fmt::format("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", target); }
std::string post(std::string_view body) {
  return fmt::format("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
}

std::unique_ptr<HttpListener> listen(HttpListener::Handler handler) {
  auto listener = HttpListener::create({.host = "127.0.0.1", .port = 0}, std::move(handler));
  EXPECT_TRUE(listener) << listener.error().message;
  return std::move(*listener);
}

// Says what was asked.
void echo(api::HttpRequest request, HttpListener::Respond respond) {
  respond({.status = 200,
           .content_type = "text/plain",
           .body = fmt::format("{} {} {}", request.method, request.target, request.body),
           .headers = {{"X-Headers", std::to_string(request.headers.size())}}});
}

TEST(HttpListener, answers_a_request_and_keeps_the_connection) {
  const auto listener = listen(echo);
  Client client(listener->port());
  for (int i = 0; i < 3; ++i) {
    const std::string answer = client.ask(get("/" + std::to_string(i)));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Headers: 1\r\n"));
    EXPECT_THAT(answer, ::testing::EndsWith(fmt::format("\r\n\r\nGET /{} ", i)));
  }
}

TEST(HttpListener, closes_when_the_client_says_so_or_speaks_http_1_0) {
  const auto listener = listen(echo);
  Client polite(listener->port());
  EXPECT_THAT(polite.ask("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              HasSubstr("Connection: close"));
  EXPECT_TRUE(polite.closed_by_server());
  Client old(listener->port());
  EXPECT_THAT(old.ask("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.0 200"));
  EXPECT_TRUE(old.closed_by_server());
}

TEST(HttpListener, pipelined_requests_are_answered_in_order_even_if_the_first_takes_longest) {
  std::vector<std::jthread> threads;
  const auto listener = listen([&](api::HttpRequest request, HttpListener::Respond respond) {
    threads.emplace_back([request = std::move(request), respond = std::move(respond)] {
      std::this_thread::sleep_for(request.target == "/0" ? 50ms : 1ms);
      echo(request, respond);
    });
  });
  Client client(listener->port());
  client.send(get("/0") + post("one") + get("/2") + get("/3"));
  for (const char* expected : {"GET /0 ", "POST / one", "GET /2 ", "GET /3 "})
    EXPECT_THAT(client.answer(), ::testing::EndsWith(expected));
  listener->stop();
}

TEST(HttpListener, a_chunked_body_is_put_together) {
  const auto listener = listen(echo);
  Client client(listener->port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nActio\r\n");
  std::this_thread::sleep_for(5ms);
  EXPECT_THAT(client.ask("6;note=x\r\nn=Some\r\n0\r\n\r\n"), ::testing::EndsWith("POST / Action=Some"));
}

TEST(HttpListener, a_client_that_waits_for_100_continue_gets_it) {
  const auto listener = listen(echo);
  Client client(listener->port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(client.answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(client.ask("body"), ::testing::EndsWith("POST / body"));
}

TEST(HttpListener, head_is_answered_without_a_body) {
  const auto listener = listen(echo);
  Client client(listener->port());
  client.send("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.answer(false), HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(client.ask(get("/y")), StartsWith("HTTP/1.1 200"));  // Not the body of the one before.
}

TEST(HttpListener, two_mebibytes_pass_and_one_byte_more_is_413) {
  const auto listener = listen([](api::HttpRequest request, HttpListener::Respond respond) {
    respond({.status = 200, .body = std::to_string(request.body.size()), .headers = {}});
  });
  const std::string body(2 * 1024 * 1024, 'x');
  EXPECT_THAT(Client(listener->port()).ask(post(body)), ::testing::EndsWith("2097152"));
  EXPECT_THAT(Client(listener->port()).ask(post(body + "x")), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Client(listener->port()).ask(post(std::string(10'000'000, 'x'))), StartsWith("HTTP/1.1 413"));
  Client chunked(listener->port());
  chunked.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = fmt::format("10000\r\n{}\r\n", std::string(65536, 'x'));
  for (int i = 0; i < 40; ++i) chunked.send(chunk);
  EXPECT_THAT(chunked.ask("0\r\n\r\n"), StartsWith("HTTP/1.1 413"));
}

TEST(HttpListener, a_header_beyond_64_kibibytes_is_431) {
  const auto listener = listen(echo);
  const auto request = [](std::size_t size) {
    return fmt::format("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", std::string(size, 'x'));
  };
  EXPECT_THAT(Client(listener->port()).ask(request(60'000)), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Client(listener->port()).ask(request(70'000)), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Client(listener->port()).ask(request(3'000'000)), StartsWith("HTTP/1.1 431"));
}

TEST(HttpListener, what_is_not_http_is_400) {
  const auto listener = listen([](api::HttpRequest, const HttpListener::Respond&) { ADD_FAILURE(); });
  const std::string zeros("\0\0\0\0\0\0\0\0\r\n\r\n", 12);
  for (const std::string& garbage :
       {std::string("garbage\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"), std::string("GET /\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), zeros,
        std::string("GET / HTTP/1.1\r\nNo colon here\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")}) {
    Client client(listener->port());
    EXPECT_THAT(client.ask(garbage), StartsWith("HTTP/1.1 400")) << garbage;
    EXPECT_TRUE(client.closed_by_server()) << garbage;
  }
}

TEST(HttpListener, half_a_request_disturbs_nobody) {
  const auto listener = listen(echo);
  Client slow(listener->port());
  slow.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Le");
  Client vanished(listener->port());
  vanished.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhal");
  vanished.end_sending();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_THAT(Client(listener->port()).ask(get("/")), StartsWith("HTTP/1.1 200"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  for (const char letter : std::string("ngth: 4\r\n\r\nslow")) slow.send(std::string_view(&letter, 1));
  EXPECT_THAT(slow.answer(), ::testing::EndsWith("POST / slow"));
}

TEST(HttpListener, a_handler_that_waits_holds_up_its_own_connection_alone) {
  std::mutex mutex;
  std::vector<HttpListener::Respond> held;
  const auto listener = listen([&](api::HttpRequest request, HttpListener::Respond respond) {
    if (request.target != "/hold") return echo(std::move(request), std::move(respond));
    const std::lock_guard lock(mutex);
    held.push_back(std::move(respond));
  });
  Client first(listener->port());
  first.send(get("/hold"));
  EXPECT_THAT(Client(listener->port()).ask(get("/")), StartsWith("HTTP/1.1 200"));
  HttpListener::Respond respond;
  while (!respond) {
    const std::lock_guard lock(mutex);
    if (!held.empty()) respond = held.back();
  }
  respond({.status = 202, .body = "late", .headers = {}});
  EXPECT_THAT(first.answer(), StartsWith("HTTP/1.1 202"));
  EXPECT_THAT(first.ask(get("/next")), StartsWith("HTTP/1.1 200"));
}

TEST(HttpListener, two_hundred_connections_at_once_are_served) {
  const auto listener = listen(echo);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<Client>(listener->port()));
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 200; ++i) clients[i]->send(get(fmt::format("/{}-{}", i, round)));
    for (int i = 0; i < 200; ++i)
      ASSERT_THAT(clients[i]->answer(), ::testing::EndsWith(fmt::format("GET /{}-{} ", i, round)));
  }
}

TEST(HttpListener, stop_ends_every_connection_and_calls_the_handler_no_more) {
  std::atomic<int> calls = 0;
  std::mutex mutex;
  std::vector<HttpListener::Respond> held;
  auto listener = listen([&](api::HttpRequest, HttpListener::Respond respond) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(respond));
    ++calls;
  });
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<Client>(listener->port()));
    clients.back()->send(get("/") + get("/after"));
  }
  while (calls < 10) std::this_thread::yield();
  const std::uint16_t port = listener->port();
  listener->stop();
  listener->stop();
  for (auto& client : clients) EXPECT_TRUE(client->closed_by_server());
  for (const auto& respond : held) respond({.status = 200, .body = "too late", .headers = {}});
  listener.reset();
  for (const auto& respond : held) respond({.status = 200, .body = "much too late", .headers = {}});
  EXPECT_EQ(calls, 10);
  EXPECT_FALSE(Client(port).connected());
}

// For the thread sanitizer, too: answers race with the listener's end.
TEST(HttpListener, ends_while_other_threads_still_answer) {
  for (int round = 0; round < 20; ++round) {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::vector<HttpListener::Respond> held;
    std::jthread answers([&](const std::stop_token& token) {
      while (true) {
        std::unique_lock lock(mutex);
        if (!changed.wait(lock, token, [&] { return !held.empty(); })) return;
        const auto respond = std::move(held.back());
        held.pop_back();
        lock.unlock();
        respond({.status = 200, .body = std::string(1000, 'x'), .headers = {}});
      }
    });
    auto listener = listen([&](api::HttpRequest, HttpListener::Respond respond) {
      const std::lock_guard lock(mutex);
      held.push_back(std::move(respond));
      changed.notify_one();
    });
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 20; ++i) {
      clients.push_back(std::make_unique<Client>(listener->port()));
      clients.back()->send(get("/") + get("/") + get("/"));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200 * round));
    listener.reset();
  }
}

TEST(HttpListener, a_port_in_use_and_a_wrong_address_are_told) {
  const auto listener = listen(echo);
  const auto second = HttpListener::create({.host = "127.0.0.1", .port = listener->port()}, echo);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("127.0.0.1:{}", listener->port())));
  EXPECT_FALSE(HttpListener::create({.host = "no.such.address", .port = 0}, echo));
}

}  // namespace
}  // namespace enid::host
