// DnsServer: what the VPC's resolver does with one message of an instance.
//
// Documented: RFC 1035 section 4.1.1 (FORMERR, NOTIMP); RFC 6891 (EDNS0). Chosen: classes other than IN
// are refused; a full forwarder or a host without a resolver answers SERVFAIL, never NXDOMAIN,
// which would claim knowledge.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "card/services/dns_forwarder.h"
#include "card/services/service_interface.h"
#include "card/services/service_packet.h"

namespace enid::card {

constexpr std::size_t kDnsTcpBytesMax = 65'535;
constexpr std::size_t kDnsQueryBytesMax = 4096;  // Chosen: a question with every option of today is shorter.

class DnsServer {
 public:
  struct Outcome {
    bool is_malformed = false;         // Not even a header to answer to.
    bool is_forwarded = false;         // The forwarder answers later.
    std::vector<std::uint8_t> answer;  // Otherwise.
  };

  explicit DnsServer(const ServiceSecret& secret) : forwarder(secret) {}

  Outcome on_message(Instant now, const ServiceInterface& from, const ReturnPath& back, bool over_tcp,
                     ConstBytes message);

  DnsForwarder forwarder;
  bool has_host_resolver = false;
};

}  // namespace enid::card
