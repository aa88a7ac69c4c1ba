// CardReport: what a card tells about itself: counters per interface, and traces.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/resource_id.h"

namespace enid::contract {

// Where the frames of an interface enter and leave its instance.
struct PortReport {
  std::string kind;                      // "tap", "ena"; empty: none is bound to the card.
  std::uint16_t queue_pairs = 0;         // That it offers.
  std::uint16_t queue_pairs_in_use = 0;  // That the instance's driver has made.
  std::uint32_t resets = 0;              // That cut queues off.
  std::uint32_t times_broken = 0;        // The instance broke a rule of the rings.
  std::string broken_because = {};       // Nothing passes until it resets its device.
};

// ENA Express of one interface, by the names that EC2's `ethtool -S` has with "ena_srd_" before them.
// Documented: EC2 User Guide, "Monitor network performance for ENA Express settings": mode is 0 off, 1 on, 2
// off with UDP still configured, 3 on with UDP. "Eligible" packets met every condition and may yet have gone
// by plain ENA, silently.
struct EnaExpressCounters {
  std::uint8_t mode = 0;
  std::uint64_t tx_pkts = 0;
  std::uint64_t eligible_tx_pkts = 0;
  std::uint64_t rx_pkts = 0;
  std::uint64_t resource_utilization = 0;  // Percent of the card's memory for SRD in use.

  bool operator==(const EnaExpressCounters&) const = default;
};

struct InterfaceCounters {
  NetworkInterfaceId id;
  bool port_attached = false;
  PortReport port = {};
  std::uint64_t sent_packets = 0;  // From the instance into the card. A super-frame counts its segments.
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_packets = 0;  // From the card into the instance.
  std::uint64_t received_bytes = 0;
  std::uint64_t tracked_connections = 0;
  std::map<std::string, std::uint64_t> drops;  // Drop reason's name -> packets; zeros left out.
  EnaExpressCounters ena_express = {};
};

// One line of `enid trace`: what one stage decided.
struct TraceStep {
  std::string stage;    // "security_group_egress"
  std::string verdict;  // "pass", "drop no_egress_rule", "deliver"
  std::string detail;   // What decided: a rule's id and text, a route, an address. May be empty.
};

// One end of a traced packet's way.
struct TraceEnd {
  NetworkInterfaceId interface;
  PortReport port;
  // The receiver's, by its RSS hash; empty for a sender (its system chooses) and while there is none.
  std::optional<std::uint16_t> receive_queue = {};
};

// Where a traced packet goes on: what another host's card needs to trace the rest of its way.
struct OnwardTrace {
  HostId host;               // Whose card is next.
  std::uint32_t vni = 0;     // The packet's VPC between hosts.
  std::string carrier = {};  // "geneve", "srd".
  // Why this one, in a sentence: "plain ENA: the receiver's interface eni-… has ENA Express off".
  std::string carrier_reason = {};
  std::vector<std::uint8_t> frame = {};  // As it leaves.
};

struct TraceReport {
  bool delivered = false;
  std::string drop_reason;       // "no_egress_rule"; empty when delivered.
  std::string drop_explanation;  // The reason in words.
  std::vector<TraceStep> steps;
  std::optional<TraceEnd> sender = {};
  std::optional<TraceEnd> receiver = {};   // When the packet comes to an interface of this card's.
  std::optional<OnwardTrace> onward = {};  // When it leaves for another host; `delivered` is true then, too.
};

// The way to another host's card.
struct HostCounters {
  HostId id;
  std::uint64_t sent_frames = 0;
  std::uint16_t mtu = 0;  // Of IP packets of instances that go there; below 9001 the underlay is too narrow.
  bool srd_established = false;
};

// Datagrams from other hosts that reached no interface's counters.
struct UnderlayCounters {
  std::uint64_t received_frames = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unknown_host = 0;  // From an address that is no card's.
  std::uint64_t unknown_vpc = 0;
  std::uint64_t moved_notices_sent = 0;
  std::uint64_t moved_notices_received = 0;
  std::map<std::string, std::uint64_t> drops;  // By reason, as of interfaces: known VPC, no way on.
};

struct CardReport {
  std::uint64_t revision = 0;  // Of the last delta applied.
  std::uint64_t flows = 0;
  std::uint64_t tracked_connections = 0;
  std::uint64_t flow_cache_hits = 0;
  std::uint64_t flow_cache_misses = 0;
  std::vector<InterfaceCounters> interfaces;  // Those whose instances are here.
  std::vector<HostCounters> hosts;
  UnderlayCounters underlay;
  // ENA Express of the whole card, by name: why eligible packets went by plain ENA ("fallback_…"), what had
  // to wait for its order ("reorder_…"), what SRD did ("srd_…"). Zeros left out.
  std::map<std::string, std::uint64_t> ena_express = {};
};

}  // namespace enid::contract
