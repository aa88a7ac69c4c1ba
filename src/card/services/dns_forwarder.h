// DnsForwarder: questions that wait for the host's resolver.
//
// Theory of operation
//   A question goes out under an id of our own, hard to guess, and is remembered with the way
//   back. An answer counts when it carries that id and the same question. What is not answered
//   within kTimeout is answered by SERVFAIL: a client then asks its next server at once.
//
// Invariants
//   (1) An interface has at most kQuestionsPerInterface questions here.
//   (2) questions_, deadlines_ and shares_ speak of the same questions.
//
// Documented: RFC 5452 section 9 (id and question must match).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "card/services/forwarded_dns.h"
#include "card/services/keyed_hash.h"
#include "card/services/service_packet.h"

namespace enid::card {

class DnsForwarder {
 public:
  static constexpr std::size_t kQuestionsPerInterface = 256;
  static constexpr std::size_t kQuestionsMax = 16'384;  // A quarter of the ids: a free one is soon found.
  static constexpr Duration kTimeout = Duration::from_seconds(5);

  struct Answer {
    ReturnPath back;
    bool over_tcp = false;
    std::vector<std::uint8_t> message;  // Under the client's id, cut to what it takes.
  };

  explicit DnsForwarder(const ServiceSecret& secret) : secret_(secret) {}

  // False: the interface has used up its share. `message` must be readable by DnsQuery.
  bool ask(Instant now, const ReturnPath& back, bool over_tcp, std::size_t bytes_max, ConstBytes message);
  std::optional<ForwardedDns> take();
  // Empty: an answer that nobody waits for.
  std::optional<Answer> on_answer(ConstBytes message);

  Instant next_timeout() const { return deadlines_.empty() ? Instant::never() : deadlines_.begin()->first; }
  // The SERVFAIL for one question that has waited too long; the owner asks until it is empty.
  std::optional<Answer> on_timeout(Instant now);
  void forget_interface(InterfaceHandle handle);

 private:
  struct Question {
    ReturnPath back;
    bool over_tcp = false;
    std::size_t bytes_max = 0;
    Instant deadline;
    std::vector<std::uint8_t> message;
  };
  using Questions = std::map<std::uint16_t, Question>;

  std::uint16_t free_id();
  void erase(Questions::iterator question);

  ServiceSecret secret_;
  std::uint32_t serial_ = 0;
  Questions questions_;
  std::set<std::pair<Instant, std::uint16_t>> deadlines_;
  std::map<InterfaceHandle, std::size_t> shares_;
  std::deque<std::uint16_t> to_send_;  // May name questions that are gone; those are skipped.
};

}  // namespace enid::card
