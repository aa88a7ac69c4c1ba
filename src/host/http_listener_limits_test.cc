// What the listener refuses and what it outlives: limits, noise, ends. How it speaks HTTP with those
// who behave is in http_listener_test.cc.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host/http_listener.h"
#include "host/unique_fd.h"

namespace enid::host {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  // False when the other side has closed.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // What comes first, in one piece or in many: enough for small answers.
  std::string beginning() {
    char chunk[4096];
    const ssize_t got = ::recv(socket_.get(), chunk, sizeof chunk, 0);
    return got > 0 ? std::string(chunk, static_cast<std::size_t>(got)) : "";
  }
  std::string everything() {
    std::string all;
    for (std::string more = beginning(); !more.empty(); more = beginning()) all += more;
    return all;
  }

 private:
  UniqueFd socket_;
};

class HttpListenerLimits : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = HttpListener::create(
        {.host = "127.0.0.1", .port = 0},
        [this](const api::HttpRequest& request, HttpListener::Respond respond) {
          ++handled_;
          respond({.status = 200, .content_type = "text/plain", .body = request.target, .headers = {}});
        });
    ASSERT_TRUE(created.has_value()) << created.error().message;
    listener_ = std::move(*created);
  }
  RawClient client() { return RawClient(listener_->port()); }

  static constexpr const char* kGet = "GET /served HTTP/1.1\r\nHost: x\r\n\r\n";

  std::atomic<int> handled_ = 0;
  std::unique_ptr<HttpListener> listener_;
};

TEST_F(HttpListenerLimits, every_answer_is_dated) {
  RawClient one = client();
  one.send(kGet);
  EXPECT_THAT(one.beginning(),
              ::testing::ContainsRegex("Date: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} .* GMT"));
}

TEST_F(HttpListenerLimits, the_word_100_continue_is_read_in_any_case) {
  RawClient one = client();
  one.send("POST /served HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_THAT(one.beginning(), StartsWith("HTTP/1.1 100 Continue"));
  one.send("ok");
  EXPECT_THAT(one.beginning(), HasSubstr("/served"));
}

TEST_F(HttpListenerLimits, a_client_that_sends_ten_mebibytes_anyway_sees_the_refusal) {
  RawClient one = client();
  one.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n");
  one.send(std::string(10'485'760, 'a'));
  EXPECT_THAT(one.beginning(), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpListenerLimits, chunks_that_never_end_are_refused) {
  RawClient one = client();
  one.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'a') + "\r\n";
  for (int i = 0; i < 64 && one.send(chunk); ++i) {
  }
  EXPECT_THAT(one.beginning(), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(handled_, 0);
}

// Two readings of one length let a request hide behind another.
TEST_F(HttpListenerLimits, a_body_of_two_lengths_is_refused) {
  for (const char* text :
       {"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"}) {
    RawClient one = client();
    one.send(text);
    EXPECT_THAT(one.everything(), StartsWith("HTTP/1.1 4")) << text;
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpListenerLimits, connections_beyond_the_limit_are_told_so_until_one_leaves) {
  constexpr int kMax = 2000;
  std::vector<RawClient> clients;
  for (int i = 0; i < kMax; ++i) clients.push_back(client());
  clients.back().send(kGet);
  EXPECT_THAT(clients.back().beginning(), HasSubstr("/served"));
  EXPECT_THAT(client().beginning(), StartsWith("HTTP/1.1 503 "));
  clients.pop_back();
  std::string answer;
  for (int i = 0; i < 200 && !answer.starts_with("HTTP/1.1 200 "); ++i) {
    RawClient next = client();
    next.send(kGet);
    answer = next.beginning();
  }
  EXPECT_THAT(answer, HasSubstr("/served"));
}

TEST(HttpListenerEnd, an_answer_that_outlives_the_listener_is_dropped) {
  std::vector<HttpListener::Respond> kept;
  std::atomic<bool> asked = false;
  auto listener = HttpListener::create({.host = "127.0.0.1", .port = 0},
                                       [&](const api::HttpRequest&, HttpListener::Respond respond) {
                                         kept.push_back(std::move(respond));
                                         asked = true;
                                       });
  ASSERT_TRUE(listener.has_value());
  RawClient one((*listener)->port());
  one.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (!asked) std::this_thread::yield();
  listener->reset();
  kept.front()({});
  EXPECT_EQ(one.everything(), "");
}

}  // namespace
}  // namespace enid::host
