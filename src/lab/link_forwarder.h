// LinkForwarder: delay and loss on the links of one spine, without help of the kernel's network emulator.
//
// Theory of operation
//   Where a link's packets arrive, a rule hands them to a TAP (FabricLinks::redirect_arrivals). This reads
//   them there, loses some, keeps the others in a DelayLine and writes them back when they are due; then they
//   go on in the kernel as if they had just arrived. So the link's rate and queue, which are at its sending
//   end, come before its length, as on a wire, and a link that is long but whole costs two system calls a
//   packet. Super-frames and unfinished checksums pass as they are: the header before each frame says so. A
//   request to end is followed when the rules are gone and the last packet has arrived.
//
// Invariants
//   (1) Memory: one ring a direction, at most kRingBytesMax; what does not fit is dropped.
//   (2) When this ends in a crash its TAPs go, and the links carry nothing until the next one starts or the
//   rules are taken away: a broken wire is never taken for a good one.
//
// Sources: Documented: Linux, Documentation/networking/tuntap.rst; epoll_wait(2).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "host/unique_fd.h"
#include "lab/fabric_plan.h"

namespace enid::lab {

// What a forwarder does on one link, both ways.
struct Wire {
  Duration delay;
  std::uint32_t loss = 0;  // Millionths.
  std::uint64_t rate = 0;  // Of the link, to size the ring; 0: unknown.
};

class LinkForwarder {
 public:
  static constexpr std::size_t kRingBytesMin = 1 << 20;
  static constexpr std::size_t kRingBytesMax = 64 << 20;

  // From here on the links' packets come this way.
  static Result<std::unique_ptr<LinkForwarder>> create(const FabricPlan& plan,
                                                       const std::map<LinkId, Wire>& wires);
  ~LinkForwarder();

  // Until `signals` is readable and all has arrived.
  Result<void> run(int signals);

 private:
  class Direction;
  LinkForwarder();

  Result<void> add_direction(const FabricPlan& plan, const std::string& network, const std::string& device,
                             const MacAddress& mac, const Wire& wire, std::uint64_t seed);
  void stop_redirecting();
  Instant deliver_due(Instant now);
  bool is_empty() const;

  host::UniqueFd events_;
  std::vector<std::unique_ptr<Direction>> directions_;
};

}  // namespace enid::lab
