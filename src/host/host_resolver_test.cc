#include "host/host_resolver.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>

#include <array>
#include <thread>

namespace enid::host {
namespace {

TEST(FirstNameserver, is_the_first_line_that_names_one) {
  const auto nameserver =
      first_nameserver("# nameserver 1.1.1.1\nsearch x\nnameserver 192.0.2.7\nnameserver 192.0.2.8\n");
  ASSERT_TRUE(nameserver);
  sockaddr_in v4{};
  std::memcpy(&v4, &nameserver->address, sizeof v4);
  EXPECT_EQ(ntohl(v4.sin_addr.s_addr), 0xc0000207u);
  EXPECT_EQ(ntohs(v4.sin_port), 53);
}

TEST(FirstNameserver, may_speak_ipv6) {
  const auto nameserver = first_nameserver("nameserver\t2001:db8::1\n");
  ASSERT_TRUE(nameserver);
  EXPECT_EQ(nameserver->address.ss_family, AF_INET6);
}

TEST(FirstNameserver, is_absent_from_an_empty_or_garbled_file) {
  EXPECT_FALSE(first_nameserver(""));
  EXPECT_FALSE(first_nameserver("nameserver\nnameserver not-an-address\noptions edns0\n"));
}

// A nameserver on 127.0.0.1 whose UDP and TCP sockets share a port.
class LocalNameserver {
 public:
  LocalNameserver()
      : udp_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        tcp_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    address_.bytes = sizeof address;
    ::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address_.address), &address_.bytes);
    EXPECT_EQ(::bind(udp_.get(), reinterpret_cast<sockaddr*>(&address_.address), address_.bytes), 0);
  }

  const NameserverAddress& address() const { return address_; }
  void listen_on_tcp() { ASSERT_EQ(::listen(tcp_.get(), 4), 0); }

  // Answers one datagram with its own bytes and one more.
  void answer_datagram() {
    std::array<char, 512> message;
    sockaddr_in from{};
    socklen_t from_bytes = sizeof from;
    const ssize_t got = ::recvfrom(udp_.get(), message.data(), message.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_bytes);
    ASSERT_GT(got, 0);
    message[static_cast<std::size_t>(got)] = 'u';
    ::sendto(udp_.get(), message.data(), static_cast<std::size_t>(got) + 1, 0,
             reinterpret_cast<sockaddr*>(&from), from_bytes);
  }

  // The same over TCP, in three pieces.
  void answer_connection() {
    const UniqueFd connection(::accept(tcp_.get(), nullptr, nullptr));
    std::array<char, 512> message;
    const ssize_t got = ::recv(connection.get(), message.data(), message.size(), 0);
    ASSERT_GT(got, 2);
    const auto bytes = static_cast<std::size_t>(got);
    message[1] = static_cast<char>(message[1] + 1);
    message[bytes] = 't';
    const std::array<std::size_t, 4> cuts = {0, 1, 4, bytes + 1};
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
      ::send(connection.get(), message.data() + cuts[i], cuts[i + 1] - cuts[i], 0);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

 private:
  UniqueFd udp_;
  UniqueFd tcp_;
  NameserverAddress address_;
};

std::string await_answer(HostResolver& resolver) {
  std::string answer;
  for (int i = 0; i < 100 && answer.empty(); ++i) {
    pollfd waiting{resolver.event_fd(), POLLIN, 0};
    ::poll(&waiting, 1, 50);
    resolver.collect([&](ConstBytes message) { answer = as_text(message); });
  }
  return answer;
}

card::ForwardedDns question_of(std::string_view text, bool over_tcp) {
  return {.id = 1, .over_tcp = over_tcp, .bytes = {text.begin(), text.end()}};
}

TEST(HostResolver, asks_over_udp) {
  LocalNameserver nameserver;
  auto resolver = HostResolver::create(nameserver.address());
  ASSERT_TRUE(resolver);
  (*resolver)->ask({0}, question_of("question", false));
  nameserver.answer_datagram();
  EXPECT_EQ(await_answer(**resolver), "questionu");
}

TEST(HostResolver, asks_over_tcp_what_came_over_tcp) {
  LocalNameserver nameserver;
  nameserver.listen_on_tcp();
  auto resolver = HostResolver::create(nameserver.address());
  ASSERT_TRUE(resolver);
  (*resolver)->ask({0}, question_of("question", true));
  // The question leaves when the connection stands, which collect() notices.
  std::thread server([&] { nameserver.answer_connection(); });
  EXPECT_EQ(await_answer(**resolver), "questiont");
  server.join();
}

TEST(HostResolver, asks_over_udp_after_all_when_tcp_is_refused) {
  LocalNameserver nameserver;
  auto resolver = HostResolver::create(nameserver.address());
  ASSERT_TRUE(resolver);
  (*resolver)->ask({0}, question_of("question", true));
  std::thread server([&] { nameserver.answer_datagram(); });
  EXPECT_EQ(await_answer(**resolver), "questionu");
  server.join();
}

}  // namespace
}  // namespace enid::host
