// Card: the data plane of one host: carries frames between the interfaces' ports by the program
// that the control plane gave it, and serves them ARP, DHCP, DNS, metadata and time.
//
// Theory of operation
//   The card is driven from outside, by one thread: poll() for each port that has frames,
//   on_timeout() at or after next_timeout(). It reads no clock and makes no system call; the
//   tests, the bench and host/card_worker drive the same code.
//
//   A frame's way is the list in egress_pipeline.cc, then the list in ingress_pipeline.cc. The
//   first packet of a flow walks both; what they decided becomes one flow cache entry, and the
//   following packets of that flow cost one look-up. Every change of the program or of the ports
//   makes all entries stale, so a packet that arrives after apply() returned is decided by it.
//
// Invariants
//   (1) Every frame that enters is delivered, consumed by a service, or counted with its drop
//       reason against one interface.
//   (2) Memory is bounded by CardOptions and by the size of the program.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/resource_id.h"
#include "base/time.h"
#include "card/ports/frame_port.h"
#include "card/services/link_local_services.h"
#include "contract/card_program.h"
#include "contract/card_report.h"
#include "fabric/underlay.h"
#include "srd/carrier.h"

namespace enid::card {

using PortHandle = std::uint32_t;

// ENA Express: frames by SRD between hosts. See express/eligibility.h.
struct ExpressOptions {
  // Its incarnation and seed must be random at each boot of the card. Empty: everything goes by plain ENA.
  std::optional<srd::CarrierOptions> carrier = std::nullopt;
  bool across_zones = false;  // Chosen: EC2 had one zone first, and has a whole Region today.
  bool udp_ordered = true;    // The receiver restores the order of UDP flows, too.
  std::size_t reorder_bytes_of_peer = 4 << 20;
  std::size_t reorder_bytes_max = 64 << 20;  // Over all peers.
};

struct CardOptions {
  HostId host = {};        // Whose interfaces are here; empty: all are.
  std::uint64_t seed = 1;  // Of the tables' hash functions, so that nobody can aim at their buckets.
  LinkLocalOptions services = {};
  std::size_t flow_entries_max = 1 << 19;  // Each direction of a flow is one. Rounded up to a power of two.
  std::size_t tracked_connections_max = 1 << 18;  // Over all interfaces, both gates.
  ExpressOptions express = {};
  // EC2's: 5 Gbit/s for one flow, 25 with ENA Express. Off: as fast as the card is.
  bool single_flow_limits = false;
};

struct TraceSpec {
  NetworkInterfaceId from;
  Ipv4Address source = {};  // Zero: the interface's primary address.
  Ipv4Address target = {};
  std::uint8_t protocol = 6;
  std::uint16_t source_port = 0;  // Zero: an ephemeral port is chosen.
  std::uint16_t target_port = 0;  // With ICMP: ignored, the packet is an echo request.
  std::uint16_t payload_bytes = 0;
};

// Sees a copy of what enters and leaves chosen interfaces. Called from within poll().
class CaptureSink {
 public:
  virtual ~CaptureSink() = default;

  // `comment` is the drop reason's name, or empty. The frame is valid during the call only.
  virtual void on_frame(const NetworkInterfaceId& interface, bool from_instance, Instant now,
                        const Frame& frame, std::string_view comment) = 0;
};

class Card {
 public:
  explicit Card(const CardOptions& options);
  ~Card();
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  // When these return, every later packet is decided by the program's new state.
  void apply(const contract::CardDelta& delta, Instant now);
  void replace(const contract::CardSnapshot& snapshot, Instant now);

  // A port may come before or after its interface's program; a second port of one interface
  // takes the first one's place. detach_port() forgets the port at once. The port must
  // outlive its attachment.
  PortHandle attach_port(const NetworkInterfaceId& interface, FramePort& port,
                         PortOwner owner = PortOwner::kInstance);
  void detach_port(PortHandle handle);

  // Carries one batch (at most 64 frames) from the port to its ends; answers how many frames
  // waited there. A handle that is not attached answers zero.
  std::size_t poll(PortHandle handle, Instant now, WallTime wall);

  // The way to other hosts, or null for none. It must outlive its attachment.
  void attach_underlay(fabric::Underlay* underlay);
  // Carries one batch of what came from other hosts; answers how many datagrams waited.
  std::size_t poll_underlay(Instant now, WallTime wall);
  // Says goodbye to the cards of other hosts, which then send by plain encapsulation until it is back.
  void close(Instant now);
  // The longest IP packet of the underlay on the way to this host; longer than 9051 bytes changes nothing.
  void set_underlay_mtu(const HostId& host, std::uint32_t mtu);

  // The owner calls on_timeout() at or after next_timeout(); never(): nothing pending.
  Instant next_timeout() const;
  void on_timeout(Instant now);

  // Questions for the host's resolver; see LinkLocalServices.
  std::optional<ForwardedDns> take_forwarded_dns();
  void on_dns_answer(Instant now, ConstBytes message);
  void set_has_host_resolver(bool has);

  contract::CardReport report() const;
  // Walks the real stages with a marked packet; delivers nothing and leaves no state.
  contract::TraceReport trace(const TraceSpec& spec, Instant now);
  // The rest of the way, of a packet that another card's trace says goes on to this one.
  contract::TraceReport trace_entering(const contract::OnwardTrace& packet, Instant now);

  // A sink must be removed before it dies. Interfaces that are not known yet are remembered.
  void add_capture(CaptureSink* sink, std::vector<NetworkInterfaceId> interfaces);
  void remove_capture(CaptureSink* sink);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace enid::card
