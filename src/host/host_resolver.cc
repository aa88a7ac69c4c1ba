#include "host/host_resolver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <sstream>

namespace enid::host {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kAnswersAtOnce = 64;
constexpr std::size_t kMessageBytesMax = 65'535;

bool watch(int epoll, int fd, std::uint32_t events, void* data) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = data;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

std::optional<NameserverAddress> first_nameserver(std::string_view resolver_configuration) {
  std::istringstream lines{std::string(resolver_configuration)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string keyword;
    std::string name;
    if (!(words >> keyword >> name) || keyword != "nameserver") continue;
    NameserverAddress nameserver;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, name.c_str(), &v4.sin_addr) == 1) {
      v4.sin_family = AF_INET;
      v4.sin_port = htons(kDnsPort);
      std::memcpy(&nameserver.address, &v4, sizeof v4);
      nameserver.bytes = sizeof v4;
      return nameserver;
    }
    if (::inet_pton(AF_INET6, name.c_str(), &v6.sin6_addr) == 1) {
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(kDnsPort);
      std::memcpy(&nameserver.address, &v6, sizeof v6);
      nameserver.bytes = sizeof v6;
      return nameserver;
    }
  }
  return std::nullopt;
}

Result<std::unique_ptr<HostResolver>> HostResolver::create(const NameserverAddress& nameserver) {
  std::unique_ptr<HostResolver> resolver(new HostResolver(nameserver));
  resolver->epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!resolver->epoll_.is_open()) return errno_failure("make an epoll");
  resolver->udp_ =
      UniqueFd(::socket(nameserver.address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto* address = reinterpret_cast<const sockaddr*>(&nameserver.address);
  if (!resolver->udp_.is_open() || ::connect(resolver->udp_.get(), address, nameserver.bytes) < 0) {
    return errno_failure("reach the host's resolver");
  }
  if (!watch(resolver->epoll_.get(), resolver->udp_.get(), EPOLLIN, nullptr)) {
    return errno_failure("watch the host's resolver");
  }
  return resolver;
}

void HostResolver::ask(Instant now, const card::ForwardedDns& question) {
  if (question.over_tcp && begin_exchange(now, question.bytes)) return;
  ask_over_udp(question.bytes);
}

void HostResolver::ask_over_udp(ConstBytes question) const {
  // A full socket or an unreachable resolver is a lost datagram like any other.
  (void)::send(udp_.get(), question.data(), question.size(), MSG_NOSIGNAL);
}

bool HostResolver::begin_exchange(Instant now, ConstBytes question) {
  if (question.size() > kMessageBytesMax) return false;
  if (exchanges_.size() >= kConnectionsMax) {
    if (now - exchanges_.front().begun < kExchangeTime) return false;
    exchanges_.pop_front();
  }
  UniqueFd socket(::socket(nameserver_.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto* address = reinterpret_cast<const sockaddr*>(&nameserver_.address);
  if (!socket.is_open()) return false;
  if (::connect(socket.get(), address, nameserver_.bytes) < 0 && errno != EINPROGRESS) return false;
  Exchange& exchange = exchanges_.emplace_back();
  exchange.socket = std::move(socket);
  exchange.begun = now;
  exchange.question.resize(2 + question.size());
  store_be16(exchange.question.data(), static_cast<std::uint16_t>(question.size()));
  std::memcpy(exchange.question.data() + 2, question.data(), question.size());
  // Edge-triggered: once for the connection, then as bytes arrive.
  if (watch(epoll_.get(), exchange.socket.get(), EPOLLIN | EPOLLOUT | EPOLLET, &exchange)) return true;
  exchanges_.pop_back();
  return false;
}

HostResolver::Progress HostResolver::advance(Exchange& exchange) const {
  while (exchange.sent < exchange.question.size()) {
    const ssize_t sent = ::send(exchange.socket.get(), exchange.question.data() + exchange.sent,
                                exchange.question.size() - exchange.sent, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? Progress::kWaiting : Progress::kFailed;
    exchange.sent += static_cast<std::size_t>(sent);
  }
  for (;;) {
    const std::size_t have = exchange.answer.size();
    const std::size_t wanted = have < 2 ? 2 : std::size_t{2} + load_be16(exchange.answer.data());
    if (have >= 2 && have == wanted) return Progress::kAnswered;
    exchange.answer.resize(wanted);
    const ssize_t got = ::recv(exchange.socket.get(), exchange.answer.data() + have, wanted - have, 0);
    exchange.answer.resize(have + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got == 0) return Progress::kFailed;
    if (got < 0) return errno == EAGAIN ? Progress::kWaiting : Progress::kFailed;
  }
}

void HostResolver::collect(const std::function<void(ConstBytes)>& on_answer) {
  std::array<epoll_event, kConnectionsMax + 1> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    if (events[static_cast<std::size_t>(i)].data.ptr == nullptr) {
      std::array<std::uint8_t, kMessageBytesMax> message;
      for (std::size_t n = 0; n < kAnswersAtOnce; ++n) {
        // An error is the resolver's ICMP refusal; it is read away, and the asker's time runs out.
        const ssize_t got = ::recv(udp_.get(), message.data(), message.size(), 0);
        if (got < 0) break;
        on_answer(ConstBytes(message).first(static_cast<std::size_t>(got)));
      }
      continue;
    }
    auto* exchange = static_cast<Exchange*>(events[static_cast<std::size_t>(i)].data.ptr);
    const Progress progress = advance(*exchange);
    if (progress == Progress::kWaiting) continue;
    if (progress == Progress::kAnswered) {
      on_answer(ConstBytes(exchange->answer).subspan(2));
    } else {
      ask_over_udp(ConstBytes(exchange->question).subspan(2));
    }
    exchanges_.remove_if([exchange](const Exchange& other) { return &other == exchange; });
  }
}

}  // namespace enid::host
