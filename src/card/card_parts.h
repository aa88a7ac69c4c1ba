// Card::Parts: what a card consists of, and how a batch of packets goes through it.
//
//   Private to the card: card.cc is a packet's way on one host, card_hosts.cc between hosts, card_tells.cc
//   what the card says about itself.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "card/card.h"
#include "card/express/express_links.h"
#include "card/flow_decision.h"
#include "card/flow_limits.h"
#include "card/frame_merger.h"
#include "card/packet.h"
#include "card/tables/tables.h"
#include "card/walk.h"
#include "flow/connection_table.h"
#include "flow/flow_table.h"

namespace enid::card {

// Expired connections that nobody asks for are freed within about ten seconds.
constexpr Duration kSweepInterval = Duration::from_milliseconds(250);
constexpr std::size_t kSweepRounds = 40;

// As an instance and an operator see them. `express` may be null.
contract::EnaExpressCounters express_counters(const Interface& interface, const ExpressLinks* express);

struct Card::Parts {
  using Flows = flow::FlowTable<FlowDecision>;

  struct Port {
    FramePort* port = nullptr;
    NetworkInterfaceId interface_id;
    InterfaceHandle interface = 0;
    std::uint16_t stamp = 0;
    bool used = false;
  };

  struct Capture {
    CaptureSink* sink;
    std::vector<NetworkInterfaceId> interfaces;
  };

  class Tracing;

  // One poll's packets, kept outside the stack because it is some kilobytes of warm memory.
  struct Batch {
    std::array<Frame, kBatchFrames> frames;
    std::array<Packet, kBatchFrames> packets;
    std::array<DropReason, kBatchFrames> parsed;
    std::array<std::uint64_t, kBatchFrames> hashes;
    std::array<Flows::Entry*, kBatchFrames> entries;
    // Only of frames from other hosts: who sent it, and whether it was sent on.
    std::array<Ipv4Address, kBatchFrames> senders;
    std::array<bool, kBatchFrames> forwarded;
    std::array<bool, kBatchFrames> by_srd;
    bool entries_moved = false;  // Since they were looked up.
  };

  // Frames from other hosts on their way into a batch: those of one VPC that follow each other are one batch,
  // as if they came from one port.
  struct Entrance {
    struct Arrival {
      Ipv4Address sender;
      std::uint32_t vni = 0;
      Bytes frame;
      bool is_forwarded = false;
      bool by_srd = false;
    };
    Parts& parts;
    Instant now;
    WallTime wall;
    Interface* interface = nullptr;
    std::uint32_t vni = 0;
    std::size_t gathered = 0;

    // False: no VPC has this number.
    bool enter(std::uint32_t vni);
    void add(const Arrival& arrival);
    void carry();
  };

  Parts(const CardOptions& options, Random random)
      : tables(options.host),
        flows(options.flow_entries_max, random.next()),
        connections(options.tracked_connections_max, random.next()),
        services(options.services),
        express_options(options.express) {
    state.express_across_zones = options.express.across_zones;
    if (options.single_flow_limits)
      flow_limits = std::make_unique<FlowLimits>(options.flow_entries_max, random.next());
  }

  void apply_changes(const std::vector<contract::Entity>& upserts,
                     const std::vector<contract::EntityId>& removes, Instant now);
  void note_change(const ProgramChange& change);
  void release(Interface& interface);
  void place_captures();

  Port* port_of(PortHandle handle) {
    const std::size_t index = handle & 0xffff;
    if (index >= ports.size() || !ports[index].used || ports[index].stamp != handle >> 16) return nullptr;
    return &ports[index];
  }

  void look_up(Interface& from, std::size_t count, Instant now);
  void carry(Interface& from, std::size_t i, Instant now, WallTime wall);
  bool carry_known(Interface& from, std::size_t i, Instant now);
  static bool must_touch(const FlowDecision& decision, const Packet& packet, Instant now);
  bool touch_connections(FlowDecision& decision, const Interface& from, const Interface& to,
                         const Packet& packet, Instant now);
  void walk(Interface& from, std::size_t i, Instant now, WallTime wall);
  void carry_batch(Interface& from, std::size_t count, Instant now, WallTime wall);
  void carry_to_host(Interface& from, Interface& to, const FlowDecision& decision, std::size_t i,
                     Instant now);
  // False: it goes by plain ENA.
  bool carry_by_srd(Interface& from, RemoteHost& host, std::size_t i, std::uint64_t flow_hash, Instant now);
  void flush_host(RemoteHost& host);
  void on_arrivals(std::span<const fabric::ArrivedDatagram> arrivals, Instant now, WallTime wall);
  void gather_express_arrivals(Entrance& entrance);
  void on_express_timeout(Instant now);
  void on_moved(std::uint32_t vni, const MovedNotice& notice, Ipv4Address sender);
  void tell_moved(const Walk& walk, Ipv4Address sender);
  bool is_within_flow_limit(const FlowDecision& decision, const Packet& packet, Instant now);
  // Headers as they are behind the card: MACs, time to live.
  static void leave(Bytes frame, const FlowDecision& decision);
  void deliver(Interface& from, Interface& to, const FlowDecision& decision, std::size_t i, Instant now);
  void drop(Interface& interface, DropReason reason, std::uint64_t packets) {
    interface.drops[static_cast<std::size_t>(reason)] += packets;
  }
  void capture(const Interface& interface, bool from_instance, Instant now, const Frame& frame,
               DropReason reason) const;
  void flush_outputs(bool may_merge);
  void merge_output(Interface& to);
  void flush_card_frames(Instant now);
  void schedule_sweep(Instant now) {
    if (next_sweep == Instant::never() && connections.size() != 0) next_sweep = now + kSweepInterval;
  }

  Tables tables;
  Flows flows;
  flow::ConnectionTable connections;
  LinkLocalServices services;
  ServiceFrames card_frames;
  CardState state{tables, connections, services, card_frames};
  std::vector<Port> ports;
  std::vector<Capture> captures;
  Batch batch;
  std::vector<Interface*> outputs;  // Interfaces with frames to flush.
  std::vector<RemoteHost*> host_outputs;
  fabric::Underlay* underlay = nullptr;
  std::unique_ptr<FlowLimits> flow_limits;  // Null: flows have none.
  FrameMerger merger;
  TunnelSender tunnel;
  ExpressOptions express_options;
  std::unique_ptr<ExpressLinks> express;  // With an underlay, if the options say so.
  contract::UnderlayCounters underlay_counters;
  Instant next_sweep = Instant::never();
  std::uint64_t revision = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
};

}  // namespace enid::card
