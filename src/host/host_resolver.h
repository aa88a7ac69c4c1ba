// HostResolver: the host's own DNS resolver, asked for names that are not the VPC's.
//
// Theory of operation
//   Questions come as whole messages under ids of the card's own, and answers go back the same
//   way: nothing here reads DNS. A question that came over TCP is asked over TCP, because its
//   answer may be long; if that connection fails, it is asked over UDP after all. Who asks keeps
//   the time: an answer that never comes is nobody's business here.
//
//   Everything is non-blocking. The owner waits on event_fd() and calls collect() when it is readable.
//
// Invariants
//   (1) At most kConnectionsMax TCP exchanges are open; one that is older than kExchangeTime
//       gives way to a new one. Beyond that a question goes over UDP.
//   (2) Only the nameserver's own datagrams are read: the socket is connected.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "card/services/forwarded_dns.h"
#include "host/unique_fd.h"

namespace enid::host {

struct NameserverAddress {
  sockaddr_storage address{};
  socklen_t bytes = 0;
};

// The first nameserver of a resolv.conf, port 53. Documented: resolv.conf(5).
std::optional<NameserverAddress> first_nameserver(std::string_view resolver_configuration);

class HostResolver {
 public:
  static constexpr std::size_t kConnectionsMax = 16;
  static constexpr Duration kExchangeTime = Duration::from_seconds(5);

  static Result<std::unique_ptr<HostResolver>> create(const NameserverAddress& nameserver);

  int event_fd() const { return epoll_.get(); }
  void ask(Instant now, const card::ForwardedDns& question);
  // Hands every answer that has arrived to `on_answer`, at most a few dozen in one call.
  void collect(const std::function<void(ConstBytes)>& on_answer);

 private:
  // One question and its answer over TCP: RFC 1035 section 4.2.2, a length before each message.
  struct Exchange {
    UniqueFd socket;
    Instant begun;
    std::vector<std::uint8_t> question;  // With its length.
    std::size_t sent = 0;
    std::vector<std::uint8_t> answer;  // With its length.
  };
  enum class Progress : std::uint8_t { kWaiting, kAnswered, kFailed };

  explicit HostResolver(const NameserverAddress& nameserver) : nameserver_(nameserver) {}
  bool begin_exchange(Instant now, ConstBytes question);
  Progress advance(Exchange& exchange) const;
  void ask_over_udp(ConstBytes question) const;

  NameserverAddress nameserver_;
  UniqueFd epoll_;
  UniqueFd udp_;
  std::list<Exchange> exchanges_;  // Oldest first.
};

}  // namespace enid::host
