// LinkLocalServices: the card's own servers, which every interface finds at the same addresses:
// ARP, DHCP, the DNS resolver, the instance metadata service (IMDS) and NTP.
//
// Theory of operation
//   The card's link_local stage hands every frame that missed the flow cache to on_frame(),
//   before the source check. Most frames are not for a service; that is decided by a few
//   comparisons. A frame for a service is consumed here: answered into ServiceFrames, or dropped
//   with the verdict as its reason. It must leave no flow cache entry, so that each one is
//   counted against the rate limit.
//
//   A DNS question about a name that is not of the VPC is for the host's resolver: the owner
//   takes it with take_forwarded_dns(), sends it, and brings the answer to on_dns_answer().
//   Retransmissions and expiries happen in on_timeout().
//
// Invariants
//   (1) An interface's frames can fill only that interface's share of any table.
//   (2) A service answers only to the interface that asked, to its own MAC.
//   (3) Nothing of a ServiceInterface is kept beyond the call.
//
// Documented: EC2 User Guide, "Amazon VPC quotas", "Packets per second for link-local services":
// 1,024 packets/s per network interface, together for DNS, IMDS and NTP.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "card/ports/frame_port.h"
#include "card/services/forwarded_dns.h"
#include "card/services/service_frames.h"
#include "card/services/service_interface.h"
#include "card/services/service_verdict.h"

namespace enid::card {

struct LinkLocalOptions {
  // Signs IMDS tokens and TCP sequence numbers. From a source fit for secrets; kept by the
  // owner over restarts if tokens shall outlive them.
  std::array<std::uint8_t, 32> secret{};
  bool has_host_resolver = false;  // False: names outside the VPC answer SERVFAIL.
};

struct LinkLocalCounters {
  std::uint64_t forwarded_dns = 0;
  std::uint64_t dns_timeouts = 0;
  std::uint64_t unmatched_dns_answers = 0;
  std::uint64_t tcp_connections = 0;  // Open now, over all interfaces.
};

class LinkLocalServices {
 public:
  explicit LinkLocalServices(const LinkLocalOptions& options);
  ~LinkLocalServices();
  LinkLocalServices(const LinkLocalServices&) = delete;
  LinkLocalServices& operator=(const LinkLocalServices&) = delete;

  // `wall` is for tokens and NTP, which outlive and leave the process.
  ServiceVerdict on_frame(Instant now, WallTime wall, const ServiceInterface& from, const Frame& frame,
                          ServiceFrames& out);

  // The next question for the host's resolver; empty when there is none.
  std::optional<ForwardedDns> take_forwarded_dns();
  void on_dns_answer(Instant now, ConstBytes message, ServiceFrames& out);
  void set_has_host_resolver(bool has);

  // The owner calls on_timeout() at or after next_timeout(); never(): nothing pending.
  Instant next_timeout() const;
  void on_timeout(Instant now, ServiceFrames& out);

  // The interface is gone, or its instance is another one now: connections and questions end.
  void forget_interface(InterfaceHandle handle);

  LinkLocalCounters counters() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::card
